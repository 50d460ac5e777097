# only: cells
import resource
for name in sorted(n for n in dir(resource) if n.startswith('RLIMIT_')):
    print(name, name in ('RLIMIT_NPROC',) or resource.getrlimit(getattr(resource, name)))
