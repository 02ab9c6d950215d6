#!/usr/bin/env python3
"""The TDS doors under load: 200 instances with five databases each, 500 connections, batches without end.

--long: a million batches instead of a sample (`make check-long`).  What a batch costs is shown by `make bench`."""
import json
import os
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ['SB_SRCDIR'], os.environ['SWITCHBACK_BUILD_DIR']
LONG = '--long' in sys.argv[1:]
INSTANCES, DATABASES, CONNECTIONS = 200, 5, 500
BATCH = ("declare @i int = 3, @s nvarchar(50) = N'x'; if @i > 2 select @i + 1, @s + N'y', db_id(N'master') "
         "select name, state_desc from sys.databases where database_id = 1")
BAD = ("create table #t (a int); begin try insert #t values (1), (2); select 1/0 end try begin catch "
       "select error_number() from #t end catch; drop table #t")


def topology(path):
    with open(path, 'w', encoding='ascii') as f:
        f.write('[pool lync.example.net]\nprimary site = north\nbackup site = south\n[site north]\n[site south]\n'
                '[credential admin]\nuser = switchback\nsecret = prompt\n')
        for i in range(INSTANCES):
            f.write('[instance sql%03d]\nsite = %s\nhost = sql%03d.example.net\ncredential = admin\n'
                    % (i, 'south' if i % 2 else 'north', i))
        for i in range(INSTANCES):
            for d in range(DATABASES):
                f.write('[database db%03d_%d]\nprimary = sql%03d\n' % (i, d, i))


class Lab:
    def __init__(self, work):
        self.dir = work + '/lab'
        topology(work + '/big.ini')
        reading, self.writing = os.pipe()
        done = subprocess.run([BUILD + '/switchback-lab', 'up', '--dir', self.dir, '-t', work + '/big.ini', '--sql-tls', 'none',
                               '--owner-fd', str(reading)], pass_fds=[reading], check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        os.close(reading)
        self.problem = done.stdout if done.returncode != 0 else None
        if self.problem is None:
            with open(self.dir + '/lab.json', encoding='utf-8') as f:
                self.instances = json.load(f)['instances']

    def load(self, instance, connections, batches, sql='select 1'):
        i = self.instances[instance]
        done = subprocess.run([BUILD + '/tests/tds/load', str(i['port']), i['user'], i['password'], str(connections),
                               str(batches), sql], check=False, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=3600)
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return json.loads(done.stdout)

    def resident_kib(self):
        """Of the world and of the first site's doors."""
        total = 0
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                with open('/proc/%s/cmdline' % pid, 'rb') as f:
                    words = f.read().split(b'\0')
                if self.dir.encode() not in words or not (b'world' in words or b'north' in words):
                    continue
                with open('/proc/%s/status' % pid, encoding='ascii') as f:
                    total += sum(int(line.split()[1]) for line in f if line.startswith('VmRSS'))
            except OSError:
                continue
        return total

    def down(self):
        subprocess.run([BUILD + '/switchback-lab', 'down', '--dir', self.dir], check=False, stdout=subprocess.DEVNULL)
        os.close(self.writing)


def sanitized():
    with open(BUILD + '/config.status', encoding='utf-8', errors='replace') as f:
        return '-fsanitize' in f.read()


def every_door_answers(lab):
    for i in range(INSTANCES):
        lab.load(i, 1, 1, "if (select count(*) from sys.databases where database_id > 4) <> %d "
                          "raiserror (N'not five', 16, 1)" % DATABASES)


def many_connections(lab):
    got = lab.load(0, CONNECTIONS, 4, 'select @@spid, db_name()')
    assert got['batches'] == CONNECTIONS * 4, got
    lab.load(0, 1, 1, "if exists (select 1 from sys.dm_exec_sessions where program_name = N'load' and session_id <> @@spid) "
                      "waitfor delay '00:00:02'")


def no_leak(lab):
    """What is resident after a warm-up grows no further: less than 64 bytes a batch (long), or a sample of that."""
    rounds = 1000000 if LONG else 1000 if sanitized() else 12000
    allowed_kib = 24 * 1024 if LONG else 12 * 1024
    for sql in (BATCH, BAD):
        lab.load(0, 2, 1000, sql)
        before = lab.resident_kib()
        lab.load(0, 2, rounds // 2 if sql is BATCH else rounds // 20, sql)
        after = lab.resident_kib()
        print('# %d batches: %d KiB before, %d KiB after' % (rounds, before, after))
        assert before > 0
        if not sanitized():
            assert after - before < allowed_kib, 'grew by %d KiB' % (after - before)


TESTS = [('a lab of 200 instances: every door answers, with five databases behind it', every_door_answers),
         ('500 connections to one door are served at a time', many_connections),
         ('batch after batch, nothing piles up', no_leak)]


def main():
    failed = 0
    print('1..%d' % len(TESTS))
    with tempfile.TemporaryDirectory() as work:
        lab = Lab(work)
        for n, (title, function) in enumerate(TESTS, 1):
            try:
                assert lab.problem is None, lab.problem
                function(lab)
                print('ok %d - %s' % (n, title), flush=True)
            except Exception as e:  # pylint: disable=broad-except
                failed = 1
                print('not ok %d - %s\n# %s' % (n, title, str(e).replace('\n', '\n# ')), flush=True)
        lab.down()
    return failed


if __name__ == '__main__':
    sys.exit(main())
