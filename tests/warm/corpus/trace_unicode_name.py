π = 3
ünknown = 1 + undefiniert
