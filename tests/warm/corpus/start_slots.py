import sys
print(sorted(set(dir(sys)) - {'last_type', 'last_value', 'last_traceback'}))
