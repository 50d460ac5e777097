import math, cmath, decimal, fractions, statistics, numbers
print(math.pi, cmath.sqrt(-1), decimal.Decimal(1) / 7, fractions.Fraction(3, 9), statistics.stdev([1, 2, 4]), isinstance(1, numbers.Integral))
print(decimal.getcontext())
