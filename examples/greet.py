"""Greets each argument: kiln run examples/greet.py --arg Ada --arg Grace"""

import sys

for name in sys.argv[1:]:
    print(f"Hello, {name}!")
