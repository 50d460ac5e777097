text = 'encoding: x'  # encoding=x
# a comment that says coding
print(text)
