# env: EXTRA=é
import os
print(os.environ['EXTRA'], os.environ.get('KILN'), 'LANG' in os.environ)
