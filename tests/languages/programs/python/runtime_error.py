numbers = []
print(numbers[3])
