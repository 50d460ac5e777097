import sqlite3
c = sqlite3.connect(':memory:')
c.execute('create table t (a, b)'); c.executemany('insert into t values (?, ?)', [(1, 'x'), (2, 'y')])
c.create_function('twice', 1, lambda v: v * 2)
print(c.execute('select twice(a), b from t order by a desc').fetchall(), sqlite3.sqlite_version_info > (3,))
try:
    c.execute('select nothing')
except sqlite3.OperationalError as e:
    print(e)
