import os, time, resource
a = time.process_time(); b = resource.getrusage(resource.RUSAGE_SELF)
print(a >= 0, b.ru_utime >= 0, os.times().children_user == 0.0, resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime == 0.0)
