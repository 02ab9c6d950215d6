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


@test('TRY catches what fails in it, CATCH knows what it was, THROW says it again')
def _():
    a = Session()
    assert a.ask("begin try select 1/0 end try begin catch select error_number(), error_severity(), error_state(), "
                 "error_line(), error_message() end catch")[-1] == [(8134, 16, 1, 1, 'Divide by zero error encountered.')]
    assert a.ask("begin try begin try raiserror (N'in %s', 15, 7, N'side') end try begin catch throw end catch end try "
                 "begin catch select error_number(), error_state(), error_message() end catch")[-1] == [(50000, 7, 'in side')]
    assert a.error("begin try throw 50123, N'own', 3 end try begin catch throw end catch") == 50123
    assert a.error("begin try select 1 end try begin catch select 2 end catch; throw") == 10704
    assert a.one("begin try backup database nowhere to disk = N'D:\\x.bak' end try begin catch select error_number() end catch") == 3013
    assert a.one("begin try exec (N'select * from nothing') end try begin catch select error_number() end catch") == 208
    assert a.error("begin try select * from nothing end try begin catch select 1 end catch") == 208
    assert a.one("declare @i int = 0; while @i < 5 begin set @i = @i + 1; begin try if @i = 3 raiserror (N'x', 16, 1) end try "
                 "begin catch break end catch end; select @i") == 3
    assert a.one("select error_number()") is None
    assert a.error("begin try select 1") == 102


@test('an error under XACT_ABORT dooms the transaction: it can only be rolled back')
def _():
    a = Session()
    assert a.one("set xact_abort on; begin tran; begin try select 1/0 end try begin catch select xact_state() end catch; "
                 "if @@trancount > 0 rollback") == -1
    assert a.error("set xact_abort on; begin tran; begin try select 1/0 end try begin catch commit end catch") == 3930
    a.ask("if @@trancount > 0 rollback; set xact_abort off")
    assert a.one("select xact_state()") == 0


@test('common table expressions are tables of their statement')
def _():
    a = Session()
    assert a.ask("with a as (select name, database_id as id from sys.databases), b (n) as (select count(*) from a where id < 5) "
                 "select n, (select name from a where id = 1) from b") == [[(4, 'master')]]
    assert a.ask("declare @n int = 2; with x as (select @n as v union all select 5) select sum(v) from x y") == [[(7,)]]
    assert a.error("with x as (select 1 as v) select * from y") == 208
    assert a.error("with x (a, b) as (select 1 as v) select * from x") == 8159


@test('temporary tables belong to their session, keep rows of procedures and follow its transactions')
def _():
    a, b = Session(), Session()
    a.ask("create table #t (id int not null primary key, name nvarchar(20) null, at datetime default getdate())")
    a.ask("insert #t (id, name) values (1, N'one'), (2, N'two'); insert into #t (id) select 3")
    assert a.ask("select id, name from #t order by id desc") == [[(3, None), (2, 'two'), (1, 'one')]]
    assert b.error("select * from #t") == 208
    assert a.error("insert #t (id) values (1)") == 2627
    assert a.error("insert #t (id) values (null)") == 515
    assert a.one("update #t set name = name + N'!' where id < 3; delete #t where id = 3; select count(*) from #t where name like N'%!'") == 2
    assert a.ask("begin tran; delete #t; select count(*) from #t; rollback; select count(*) from #t") == [[(0,)], [(2,)]]
    assert a.one("begin tran; delete #t where id = 1; commit; select count(*) from #t") == 1
    assert a.one("select object_id(N'tempdb..#t')") is not None
    assert a.one("select name, database_id into #d from sys.databases where database_id < 4; select count(*) from #d") == 3
    assert a.error("select 1 as x into #d") == 2714
    assert a.ask("select d.name, t.name from #d d left join #t t on t.id = d.database_id order by d.database_id") == \
        [[('master', None), ('tempdb', 'two!'), ('model', None)]]
    a.ask("create table #w (a nvarchar(600), b int, c int); insert #w exec master.dbo.xp_dirtree N'D:\\', 1, 1")
    assert a.ask("select a from #w") == [[('Backup',)]], a.ask("select * from #w")
    a.ask("truncate table #t; drop table #t, #w; drop table if exists #t")
    assert a.error("select * from #t") == 208
    assert a.error("drop table #t") == 3701
    assert a.error("create table nodb..t (a int)") == 2702


@test('a differential backup needs its full backup, and goes onto that one only')
def _():
    a = Session('north-wit')
    bak, dif, log = ("N'D:\\Backup\\diff.%s'" % x for x in ('bak', 'dif', 'trn'))
    a.ask("create database diff")
    assert a.error("backup database diff to disk = %s with differential" % dif) in (3013, 3035)
    assert '3035' in str(a.messages) or any('differential backup' in m[0] for m in a.messages), a.messages
    a.ask("backup database diff to disk = %s with init" % bak)
    a.ask("create table diff.dbo.t (id int not null primary key); insert diff.dbo.t values (1)")
    a.ask("backup database diff to disk = %s with init, differential" % dif)
    a.ask("insert diff.dbo.t values (2); backup log diff to disk = %s with init" % log)
    head = a.ask("restore headeronly from disk = %s" % dif)[0][0]
    assert head[2] == 5 and 'Database Differential' in head, head
    assert a.one("select top (1) type from msdb.dbo.backupset where database_name = N'diff' and type = 'I'") == 'I'
    a.ask("restore database diff2 from disk = %s with norecovery" % bak)
    a.ask("restore database diff2 from disk = %s with norecovery" % dif)
    a.ask("restore log diff2 from disk = %s with recovery" % log)
    assert a.ask("select id from diff2.dbo.t order by id") == [[(1,), (2,)]]
    a.ask("backup database diff to disk = %s with init" % bak)
    a.ask("restore database diff3 from disk = %s with norecovery" % bak)
    assert a.error("restore database diff3 from disk = %s with norecovery" % dif) in (3013, 3136)
    assert any('correct earlier state' in m[0] for m in a.messages), a.messages


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
