print("Hello from a cell!")
