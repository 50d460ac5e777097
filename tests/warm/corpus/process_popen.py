import subprocess
p = subprocess.Popen(['cat'], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
print(p.communicate(b'through a pipe'), p.returncode)
try:
    subprocess.Popen(['no-such-program-here'])
except FileNotFoundError as e:
    print(e)
