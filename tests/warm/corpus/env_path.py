# env: PATH=/nowhere
import os, shutil
print(shutil.which('ls'), os.get_exec_path())
