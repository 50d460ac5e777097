# -*- coding: latin-1 -*-
# start: source
print('plain')
