# start: environment
# env: PYTHONHASHSEED=7
print(hash('a'))
