# ending: none
print('no newline at the end of the file')
