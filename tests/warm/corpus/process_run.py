import subprocess, sys
r = subprocess.run([sys.executable, '-c', 'import sys; print(sys.argv, input()); sys.exit(4)', 'a'], input='line\n', capture_output=True, text=True)
print(r.returncode, r.stdout, r.stderr)
