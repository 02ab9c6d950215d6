#!/usr/bin/python3
"""Logins by Kerberos and NTLM at the TDS door, as FreeTDS makes them: a KDC of our own, GSSAPI and gss-ntlmssp.  TAP."""
import json
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib'))
from kdc import Kdc, missing  # noqa: E402

SOURCE, BUILD = os.environ['SB_SRCDIR'], os.environ['SWITCHBACK_BUILD_DIR']
NTLM = os.path.exists('/etc/gss/mech.d/mech.ntlmssp.conf')
SPN = 'MSSQLSvc/north-sql1.example.net:1433'
FOREIGN = 'HTTP/fe-north.example.net'
count, failed = 0, 0


def report(good, title, said=''):
    global count, failed
    count += 1
    print('%sok %d - %s' % ('' if good else 'not ', count, title), flush=True)
    if not good:
        failed = 1
        print('# ' + said.replace('\n', '\n# '))


class Client:
    def __init__(self, work, lab, kdc):
        with open(lab + '/lab.json', encoding='utf-8') as f:
            i = {x['name']: x for x in json.load(f)['instances']}
        self.password = i['north-sql1']['password']
        self.conf, self.kdc = work + '/freetds.conf', kdc
        with open(self.conf, 'w', encoding='ascii') as f:
            for name, instance, spn, tls in (('tls', 'north-sql1', SPN, 'require'), ('plain', 'north-sql1', SPN, 'off'),
                                             ('login', 'north-sql1', SPN, 'request'),
                                             ('foreign', 'north-sql1', FOREIGN, 'off')):
                f.write('[%s]\nhost = 127.0.0.1\nport = %d\ntds version = 7.4\nencryption = %s\nspn = %s\n'
                        % (name, i[instance]['port'], tls, spn))
                if tls == 'require':
                    f.write('ca file = %s\n' % i[instance]['ca'])

    def ask(self, server, sql, user=None, password=None, cache=None):
        env = dict(self.kdc.env(cache) if self.kdc is not None else os.environ, FREETDSCONF=self.conf)
        who = [] if user is None else ['-U', user, '-P', password]
        done = subprocess.run(['tsql', '-S', server, *who, '-o', 'q'], input=sql + '\ngo\nexit\n', env=env, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        return done.stdout


WHO = "select suser_sname(), is_srvrolemember('sysadmin')"


def by_ticket(client, kdc):
    if kdc is None:
        print('ok %d - a ticket gets in # SKIP %s' % (count + 1, missing()))
        return count + 1
    mine, other = kdc.ticket('switchback'), kdc.ticket('stranger')
    for server, how in (('tls', 'over TLS'), ('plain', 'without TLS'), ('login', 'with the login encrypted')):
        said = client.ask(server, WHO, cache=mine)
        report('LAB\\switchback\t1' in said, 'a ticket for the instance gets in, %s' % how, said)
    said = client.ask('plain', WHO, cache=other)
    report('Msg 18456' in said and 'LAB\\stranger' in said, 'a ticket of somebody the server does not know does not', said)
    client.ask('plain', 'create login [LAB\\stranger] from windows', cache=mine)
    said = client.ask('plain', WHO, cache=other)
    report('LAB\\stranger\t0' in said, 'until a login is made for him, which is no administrator', said)
    said = client.ask('foreign', WHO, cache=mine)
    report('LAB\\switchback' not in said, 'a ticket for another service does not get in, though its key is there', said)
    said = client.ask('plain', WHO)
    report('LAB' not in said, 'without a ticket nobody gets in', said)
    return count


def by_ntlm(client):
    if not NTLM:
        print('ok %d - NTLM gets in # SKIP gss-ntlmssp is not installed' % (count + 1))
        return count + 1
    for server, how in (('tls', 'over TLS'), ('plain', 'without TLS'), ('login', 'with the login encrypted')):
        said = client.ask(server, WHO, 'LAB\\switchback', client.password)
        report('LAB\\switchback\t1' in said, 'NTLM with the right password gets in, %s' % how, said)
    said = client.ask('plain', WHO, 'LAB\\switchback', 'wrong')
    report('Msg 18452' in said, 'a wrong one does not', said)
    said = client.ask('plain', WHO, 'ELSEWHERE\\switchback', client.password)
    report('Msg 184' in said, 'nor does a user of another domain', said)
    said = client.ask('plain', WHO, 'LAB\\nobody', client.password)
    report('Msg 184' in said, 'nor does an unknown user', said)
    return count


def main():
    with tempfile.TemporaryDirectory() as work:
        lab, keys = work + '/lab', work + '/kdc'
        os.mkdir(keys)
        kdc = None if missing() else Kdc(keys)
        words = []
        if kdc is not None:
            kdc.user('switchback', 'of the realm')
            kdc.user('stranger', 'also of the realm')
            kdc.service(SPN, FOREIGN)
            words = ['--keytab', kdc.keytab]
        reading, writing = os.pipe()
        up = subprocess.run([BUILD + '/switchback-lab', 'up', '--dir', lab, '-t', SOURCE + '/examples/stretched-pool.ini',
                             '--sql-tls', 'optional', '--owner-fd', str(reading), *words], pass_fds=[reading], check=False,
                            env=kdc.env() if kdc is not None else None, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)
        os.close(reading)
        if up.returncode != 0:
            print('1..1\nnot ok 1 - the lab comes up\n# ' + up.stdout)
            return 1
        client = Client(work, lab, kdc)
        total = by_ticket(client, kdc)
        total = max(total, by_ntlm(client))
        print('1..%d' % total)
        subprocess.run([BUILD + '/switchback-lab', 'down', '--dir', lab], check=False, stdout=subprocess.DEVNULL)
        os.close(writing)
        if kdc is not None:
            kdc.stop()
    return failed


if __name__ == '__main__':
    sys.exit(main())
