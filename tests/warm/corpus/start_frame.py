import sys, inspect, traceback
print(sys._getframe().f_back, sys._getframe().f_code.co_name, len(inspect.stack()))
print(traceback.extract_stack())
