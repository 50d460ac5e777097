import subprocess, sys
print('parent', flush=True)
subprocess.run([sys.executable, '-c', 'print("child")'])
subprocess.run(['ls', '/no/such'])
print('parent again')
