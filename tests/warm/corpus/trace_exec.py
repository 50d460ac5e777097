exec(compile('def f():\n    raise KeyError("inside")\nf()', 'made up', 'exec'))
