# What a warm parent runs, as the main program of its interpreter and in place of a program's own
# file: so that sys.argv, sys.path and the command line are what a program's would be. Then serve.cc
# forks programs from it, and calls in each: reseed() and rehearse() while nothing is known of the program yet,
# enter() if it has arguments or variables of its own, and at the end leave() and flush().
#
# A fork shares its memory with the parent until one of them writes, and each first write to a page
# costs some microseconds; so as much as can be is done here, once, and the rest touches little.


def boot():
    import _imp
    import builtins
    import gc
    import io
    import os
    import sys
    from _frozen_importlib_external import SourceFileLoader

    file = sys.argv[0]
    place = sys.path.pop(0)  # nothing is imported from /box, and nobody looks into it yet
    spec = type(sys.__spec__)("_kiln_warm", None, origin="/proc/self/fd/4")
    warm = _imp.create_dynamic(spec)
    _imp.exec_dynamic(warm)
    sys.modules.pop("_kiln_warm", None)
    wanted, own = (line.split() for line in warm.modules().split("\n"))
    missing = set()
    for name in wanted:
        try:
            __import__(name)
        except Exception:
            missing.add(name)
    if own and missing.issuperset(own):
        warm.give_up(len(missing))
    sys.path.insert(0, place)
    sys.path_importer_cache.pop(place, None)

    modules = sys.modules
    # "random" seeds itself anew in each fork (os.register_at_fork). These would not, or only where
    # the process id differs: those of two programs can be the same.
    if "tempfile" in modules:
        modules["tempfile"]._name_sequence = None
    draws = []
    if "ssl" in modules:
        draws.append(lambda: modules["ssl"].RAND_add(os.urandom(48), 48.0))
    if "numpy.random" in modules:
        draws.append(modules["numpy.random"].seed)

    def reseed():
        for draw in draws:
            draw()

    def rehearse():
        """In a fork that waits: what every program does, so that its pages are this process' own."""
        if "_kiln" in modules:
            modules["_kiln"].install()
        exec(compile("print(end='', flush=True)", file, "exec"), {"__builtins__": builtins})

    def enter(argv, env):
        sys.orig_argv = argv
        sys.argv = argv[1:]
        os.environ.clear()
        for name, value in env:
            os.environ[name] = value

    def leave():
        """What the program's own modules hold goes, as when an interpreter ends. The newest are last;
        to touch the others would make their pages this process' own."""
        del modules["__main__"]
        own = []
        for name in reversed(modules):
            if name in known:
                break
            own.append(name)
        for name in own:
            path = getattr(modules[name], "__file__", None)
            if isinstance(path, str) and path.startswith("/box/"):
                del modules[name]

    def flush():
        """Files that nobody has closed. Those that were open before the fork are frozen."""
        writers = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
        for writer in [sys.__stdout__, sys.__stderr__, *gc.get_objects()]:
            if isinstance(writer, writers):
                try:
                    writer.flush()
                except Exception:
                    pass

    def make_main():
        """A new main program's module, which nobody here holds on to."""
        main = type(sys)("__main__")
        names = main.__dict__
        names["__loader__"] = SourceFileLoader("__main__", file)
        names["__annotations__"] = {}
        names["__builtins__"] = builtins
        names["__file__"] = file
        names["__cached__"] = None
        modules["__main__"] = main

    rehearse()
    known = frozenset(modules)
    tops = sorted({name.partition(".")[0] for name in known} - {"__main__"})
    gc.collect()
    gc.freeze()
    make_main()  # not frozen: what the program hangs on to it is collected at the end
    warm.serve((reseed, rehearse, enter, leave, flush, compile), " ".join(tops), len(missing))


boot()
