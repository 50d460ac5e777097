import sys
sys.stdout.close()
sys.stderr.write('still here\n')
