import sys, locale, os
print(sys.getdefaultencoding(), sys.getfilesystemencoding(), sys.getfilesystemencodeerrors(), locale.getpreferredencoding(), locale.getlocale())
print(os.device_encoding(0), sys.flags.utf8_mode)
