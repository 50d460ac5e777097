import re, string, textwrap, difflib, unicodedata, fnmatch, shlex, pprint, reprlib
print(re.findall(r'(\w+)=(\d+)', 'a=1 b=22'), string.Template('$x').substitute(x=1), textwrap.fill('word ' * 30, 40))
print('\n'.join(difflib.unified_diff(['a', 'b'], ['a', 'c'], lineterm='')), unicodedata.name('é'), fnmatch.filter(['a.py', 'b.c'], '*.py'), shlex.split('a "b c"'))
pprint.pprint({'k' * 30: list(range(30)), 'n': {'deep': {'er': 1}}})
print(reprlib.repr(list(range(100))), re.compile('a+', re.I))
