import cmd, shlex, rlcompleter, gettext, locale, optparse, timeit, profile, cProfile, trace, tracemalloc, faulthandler
print(timeit.timeit('1', number=1) >= 0, tracemalloc.is_tracing(), faulthandler.is_enabled(), locale.setlocale(locale.LC_ALL), gettext.gettext('a'))
class C(cmd.Cmd):
    def do_x(self, a): print('x', a)
C().onecmd('x 1')
