import signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(subprocess.run(['sh', '-c', 'trap; kill -TERM $$; echo alive'], capture_output=True, text=True).returncode)
