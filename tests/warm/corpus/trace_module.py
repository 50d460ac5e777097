# file: helper.py: def broken():\n    return [][0]\n
import helper
helper.broken()
