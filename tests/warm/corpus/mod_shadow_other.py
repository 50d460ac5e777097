# file: turtle.py: x = 'mine'\n
import turtle
print(turtle.x, turtle.__file__)
