# args: --count 3 name --flag
import argparse
p = argparse.ArgumentParser(description='d')
p.add_argument('name'); p.add_argument('--count', type=int); p.add_argument('--flag', action='store_true')
print(p.parse_args(), p.prog)
p.print_help()
p.parse_args(['--wrong'])
