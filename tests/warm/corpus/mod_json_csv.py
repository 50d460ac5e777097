import json, csv, io, configparser, tomllib, plistlib
print(json.dumps({'b': [1, None, True, 1.5], 'a': 'é'}, sort_keys=True, indent=1), json.loads('[1e3]'))
w = csv.writer(s := io.StringIO()); w.writerow(['a,b', 'c"d', 1]); print(repr(s.getvalue()), list(csv.DictReader(['x,y', '1,2'])))
c = configparser.ConfigParser(); c.read_string('[s]\nk=v'); print(dict(c['s']), tomllib.loads('a = [1, 2]'), plistlib.dumps({'a': 1})[:40])
try:
    json.loads('{bad')
except json.JSONDecodeError as e:
    print(e)
