# start: environment
# env: LC_ALL=C
import locale, sys
print(locale.getlocale(), sys.stdout.encoding)
