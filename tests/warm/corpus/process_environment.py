import subprocess, os
os.environ['NEW'] = 'value'
del os.environ['LANG']
print(sorted(subprocess.check_output(['env'], text=True).split('\n')))
