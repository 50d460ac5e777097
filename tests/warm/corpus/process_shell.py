import subprocess
print(subprocess.check_output('echo $HOME; pwd; ulimit -n', shell=True, text=True))
print(subprocess.run('exit 3', shell=True).returncode, subprocess.run(['kill -9 $$'], shell=True).returncode)
