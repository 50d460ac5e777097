# start: shadowed
# file: json.py: def dumps(x): return 'mine'\n
import json
print(json.dumps(1), json.__file__)
