"""What this is."""
x: int = 3
print(__doc__, __annotations__, x)
