# bom
# start: source
print('after the mark')
