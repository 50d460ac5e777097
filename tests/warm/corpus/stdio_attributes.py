import sys
for f in (sys.stdin, sys.stdout, sys.stderr):
    print(f.name, f.mode, f.encoding, f.errors, f.line_buffering, f.write_through, f.newlines, f.isatty(), f.fileno(), f.seekable(), f.closed, type(f.buffer).__name__, f.buffer.raw.name, f.buffer.raw.closefd)
print(sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__)
