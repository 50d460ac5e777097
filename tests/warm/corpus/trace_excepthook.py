import sys
def hook(kind, value, trace):
    print('hook', kind, value, trace.tb_lineno)
sys.excepthook = hook
1 / 0
