#!/usr/bin/python3
"""The statement set of the TDS door, asked for through pymssql: what a batch answers, in sessions that see each other."""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

SOURCE, BUILD = os.environ['SB_SRCDIR'], os.environ['SWITCHBACK_BUILD_DIR']
try:
    import pymssql
except ImportError:
    print('1..0 # SKIP python3-pymssql is not installed')
    sys.exit(0)

INSTANCES = {}
TESTS = []


def test(title):
    def keep(function):
        TESTS.append((title, function))
        return function
    return keep


class Session:
    """One connection; ask() gives all results of a batch, error() the number of the error it ends with."""

    def __init__(self, instance='north-sql1', database='master', **more):
        i = INSTANCES[instance]
        self.messages = []
        self.connection = pymssql.connect(server='127.0.0.1', port=str(i['port']), user=more.pop('user', i['user']),
                                          password=more.pop('password', i['password']), database=database, tds_version='7.3',
                                          autocommit=True, **more)
        self.connection._conn.set_msghandler(lambda *m: self.messages.append((m[5].decode(), m[1])))

    def ask(self, sql):
        self.messages.clear()
        cursor = self.connection.cursor()
        cursor.execute(sql)
        results = []
        while True:
            if cursor.description is not None:
                results.append([tuple(row) for row in cursor])
            if not cursor.nextset():
                return results

    def one(self, sql):
        return self.ask(sql)[-1][0][0]

    def error(self, sql):
        try:
            self.ask(sql)
        except pymssql.Error as e:
            return e.args[0]
        return 0

    def close(self):
        self.connection.close()


GET = "declare @r int; exec @r = sp_getapplock @Resource = N'%s', @LockMode = '%s', @LockOwner = 'Session', @LockTimeout = %d; select @r"
GIVE = "declare @r int; exec @r = sp_releaseapplock @Resource = N'%s', @LockOwner = 'Session'; select @r"


@test('an application lock of a session keeps others out until it is given back')
def _():
    a, b = Session(), Session()
    assert a.one(GET % ('duty', 'Exclusive', 0)) == 0
    assert a.one(GET % ('duty', 'Exclusive', 0)) == 0
    assert b.one(GET % ('duty', 'Exclusive', 0)) == -1
    assert b.one(GET % ('duty', 'Shared', 50)) == -1
    assert b.one(GET % ('Duty', 'Exclusive', 0)) == 0, 'names of resources are compared exactly'
    assert a.one("select applock_mode('public', 'duty', 'Session')") == 'Exclusive'
    assert b.one("select applock_test('public', 'duty', 'Shared', 'Session')") == 0
    rows = a.ask("select request_mode, request_owner_type from sys.dm_tran_locks where resource_type = N'APPLICATION' "
                 "and request_session_id = @@spid")
    assert rows == [[('X', 'SESSION')]], rows
    assert a.one(GIVE % 'duty') == 0
    assert b.one(GET % ('duty', 'Exclusive', 0)) == -1, 'it was taken twice'
    assert a.one(GIVE % 'duty') == 0
    assert b.one(GET % ('duty', 'Exclusive', 0)) == 0
    assert a.error(GIVE % 'duty') == 1223


@test('who waits for an application lock gets it when its holder goes, however it goes')
def _():
    a, b, got = Session(), Session(), []
    spid = a.one('select @@spid')
    assert a.one(GET % ('seat', 'Exclusive', 0)) == 0
    waiter = threading.Thread(target=lambda: got.append(b.one(GET % ('seat', 'Exclusive', -1))))
    waiter.start()
    time.sleep(0.2)
    assert not got
    Session().ask('kill %d' % spid)
    waiter.join(30)
    assert got == [1], got


@test('shared application locks bear each other; a transaction gives its own back at its end')
def _():
    a, b = Session(), Session()
    assert a.one(GET % ('book', 'Shared', 0)) == 0 and b.one(GET % ('book', 'Shared', 0)) == 0
    assert a.one(GET % ('book', 'Exclusive', 0)) == -1
    assert a.one("begin tran; declare @r int; exec @r = sp_getapplock N'page', 'Exclusive'; select @r") == 0
    assert b.one(GET % ('page', 'Exclusive', 0)) == -1
    a.ask('commit')
    assert b.one(GET % ('page', 'Exclusive', 0)) == 0
    assert a.error("exec sp_getapplock N'page', 'Exclusive'") == 15626
    assert a.error("exec sp_getapplock N'page', 'Sideways', 'Session'") == 15625


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        lab, reading, writing = work + '/lab', *os.pipe()
        up = subprocess.run([BUILD + '/switchback-lab', 'up', '--dir', lab, '-t', SOURCE + '/examples/stretched-pool.ini',
                             '--sql-tls', 'optional', '--owner-fd', str(reading)], pass_fds=[reading], check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        os.close(reading)
        if up.returncode != 0:
            print('1..1\nnot ok 1 - the lab comes up\n# ' + up.stdout)
            return 1
        with open(lab + '/lab.json', encoding='utf-8') as f:
            INSTANCES.update({i['name']: i for i in json.load(f)['instances']})
        for n, (title, function) in enumerate(TESTS, 1):
            try:
                function()
                print('ok %d - %s' % (n, title), flush=True)
            except Exception as e:  # pylint: disable=broad-except
                failed = 1
                where = e.__traceback__
                while where.tb_next is not None:
                    where = where.tb_next
                print('not ok %d - %s\n# line %d: %s: %s' % (n, title, where.tb_lineno, type(e).__name__,
                                                            str(e).replace('\n', '\n# ')), flush=True)
        print('1..%d' % len(TESTS))
        subprocess.run([BUILD + '/switchback-lab', 'down', '--dir', lab], check=False, stdout=subprocess.DEVNULL)
        os.close(writing)
    return failed


if __name__ == '__main__':
    sys.exit(main())
