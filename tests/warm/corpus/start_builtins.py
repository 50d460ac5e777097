import builtins
print(sorted(builtins.__dict__) == sorted(dir(builtins)), '_' in dir(builtins), exit, quit, copyright is not None)
