# The TDS door as pymssql sees it, beyond what clients.sh asks: large values, many results, messages, attention, and
# sessions beside each other.  Silence is success.  Usage: pymssql_more.py PORT PASSWORD
import sys
import threading
import time

import pymssql

port, password = sys.argv[1:]


def connect(**more):
    return pymssql.connect(server='127.0.0.1', port=port, user='switchback', password=password, tds_version='7.3', **more)


c = connect(autocommit=True)
k = c.cursor()
big = 'ä' * 200000
k.execute('select %s, cast(null as nvarchar(max)), cast(null as int), cast(%d as bigint)', (big, 2 ** 40))
assert k.fetchall() == [(big, None, None, 2 ** 40)]
k.execute("select 1 select 2, 3 select 4 where 1 = 0")
seen = [list(k)]
while k.nextset():
    seen.append(list(k))
assert seen == [[(1,)], [(2, 3)], []], seen

messages = []
c._conn.set_msghandler(lambda state, severity, server, proc, line, text: messages.append((severity, text)))
k.execute("print 'one' raiserror (N'two', 10, 1)")
assert [m for _, m in messages] == [b'one', b'two'], messages
assert all(severity == 0 for severity, _ in messages), messages

k.execute('create table mgc.dbo.wide (id int not null primary key, text nvarchar(max))')
k.executemany('insert mgc.dbo.wide values (%d, %s)', [(i, str(i) * 100) for i in range(50)])
k.execute('select count(*), max(len(text)) from mgc.dbo.wide')
assert k.fetchall() == [(50, 200)]
k.execute('drop table mgc.dbo.wide')

begun = time.monotonic()
slow = connect(timeout=1)
try:
    slow.cursor().execute("waitfor delay '00:01:00'")
    raise SystemExit('no time-out')
except pymssql.OperationalError:
    assert time.monotonic() - begun < 40

wrong = []


def work(i):
    try:
        mine = connect(appname='session-%d' % i)
        cursor = mine.cursor()
        for n in range(20):
            cursor.execute('select app_name(), %d', (n,))
            assert cursor.fetchall() == [('session-%d' % i, n)]
        mine.close()
    except Exception as e:  # pylint: disable=broad-except
        wrong.append(e)


threads = [threading.Thread(target=work, args=(i,)) for i in range(12)]
for t in threads:
    t.start()
for t in threads:
    t.join()
assert not wrong, wrong
