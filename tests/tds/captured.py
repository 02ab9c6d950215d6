#!/usr/bin/env python3
"""What a statement answers, token by token, against captured.txt: numbers, classes, states, lines, status bits and command
numbers as they were seen from real servers.  The tokens are read here from the bytes, by no library.  TAP.

captured.py --show prints what the door says now, in the table's form."""
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile

SOURCE, BUILD = os.environ['SB_SRCDIR'], os.environ['SWITCHBACK_BUILD_DIR']
HERE = os.path.dirname(os.path.abspath(__file__))


class Wire:
    """TDS 7.4 without TLS, by hand."""

    def __init__(self, instance):
        self.socket = socket.create_connection(('127.0.0.1', instance['port']), 30)
        self.socket.settimeout(60)
        self.send(0x12, bytes([0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 0xff, 9, 0, 0, 0, 0, 0, 2]))
        self.receive()
        texts = ['captured', instance['user'], instance['password'], 'captured', '', '', 'captured', '', 'master']
        data, pairs, at = b'', b'', 94
        for i, text in enumerate(texts):
            raw = text.encode('utf-16-le')
            if i == 2:
                raw = bytes((((b << 4) | (b >> 4)) & 255) ^ 0xa5 for b in raw)
            pairs += struct.pack('<HH', at + len(data), len(text))
            data += raw
        head = struct.pack('<IIIIIIBBBBII', 94 + len(data), 0x74000004, 4096, 7, 1, 0, 0xe0, 3, 0, 0, 0, 0)
        self.send(0x10, (head + pairs + bytes(22)).ljust(94, b'\0') + data)
        self.login = self.receive()

    def send(self, kind, body):
        self.socket.sendall(struct.pack('>BBHHBB', kind, 1, len(body) + 8, 0, 1, 0) + body)

    def exactly(self, n):
        data = b''
        while len(data) < n:
            part = self.socket.recv(n - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def receive(self):
        """One message; b'' and what came before when the server closes."""
        body = b''
        while True:
            try:
                _, status, length = struct.unpack('>BBH4x', self.exactly(8))
                body += self.exactly(length - 8)
            except EOFError:
                return body
            if status & 1:
                return body

    def ask(self, sql):
        headers = struct.pack('<IIHQI', 22, 18, 2, 0, 1)
        self.send(1, headers + sql.encode('utf-16-le'))
        return self.receive()


FIXED = {0x30: 1, 0x32: 1, 0x34: 2, 0x38: 4, 0x7f: 8, 0x3d: 8, 0x3e: 8}


class Tokens:
    """Bytes of an answer as words: TOKEN(field field ...)."""

    def __init__(self, data):
        self.data, self.at, self.columns, self.words = data, 0, [], []
        while self.at < len(data):
            self.one()

    def take(self, form):
        size = struct.calcsize('<' + form)
        values = struct.unpack_from('<' + form, self.data, self.at)
        self.at += size
        return values if len(values) > 1 else values[0]

    def skip(self, prefix):
        n = self.take(prefix)
        self.at += n

    def text(self, prefix):
        n = self.take(prefix)
        self.at += n * 2
        return self.data[self.at - n * 2:self.at].decode('utf-16-le')

    def column(self):
        _, flags, kind = self.take('IHB')
        extra = b''
        if kind in (0x26, 0x68, 0x6d, 0x6f, 0x24):
            extra = self.data[self.at:self.at + 1]
        elif kind in (0x6a, 0x6c):
            extra = self.data[self.at:self.at + 3]
        elif kind in (0xe7, 0xa7, 0xef, 0xaf):
            extra = self.data[self.at:self.at + 7]
        elif kind in (0xa5, 0xad):
            extra = self.data[self.at:self.at + 2]
        elif kind not in FIXED:
            raise ValueError('type %02x' % kind)
        self.at += len(extra)
        self.columns.append((kind, extra))
        shown = extra[:2] if kind in (0xe7, 0xa7, 0xef, 0xaf) else extra
        return '%s=%02x%s/%02x' % (self.text('B') or '-', kind, shown.hex(), flags)

    def value(self, kind, extra):
        if kind in FIXED:
            self.at += FIXED[kind]
        elif kind in (0xe7, 0xa7, 0xef, 0xaf, 0xa5, 0xad):
            if extra[:2] == b'\xff\xff':
                if self.take('Q') != 0xffffffffffffffff:
                    n = self.take('I')
                    while n:
                        self.at += n
                        n = self.take('I')
                return
            n = self.take('H')
            self.at += 0 if n == 0xffff else n
        else:
            self.skip('B')

    def one(self):
        token = self.take('B')
        if token == 0x81:
            self.columns = []
            names = [self.column() for _ in range(self.take('H'))]
            self.words.append('COLUMNS(%s)' % ' '.join(names))
        elif token in (0xd1, 0xd2):
            null = []
            if token == 0xd2:
                bits = self.data[self.at:self.at + (len(self.columns) + 7) // 8]
                self.at += len(bits)
                null = [bits[i // 8] >> (i % 8) & 1 for i in range(len(self.columns))]
            for i, (kind, extra) in enumerate(self.columns):
                if not null or not null[i]:
                    self.value(kind, extra)
            self.words.append('ROW')
        elif token in (0xfd, 0xfe, 0xff):
            self.words.append('%s(%x %d %d)' % ({0xfd: 'DONE', 0xfe: 'DONEPROC', 0xff: 'DONEINPROC'}[token],
                                                *self.take('HHQ')))
        elif token in (0xaa, 0xab):
            self.take('H')
            number, state, severity = self.take('iBB')
            self.text('H')
            self.text('B')
            self.text('B')
            self.words.append('%s(%d %d/%d line %d)' % ('ERROR' if token == 0xaa else 'INFO', number, severity, state,
                                                       self.take('I')))
        elif token == 0xe3:
            n, kind = self.take('HB')
            self.at += n - 1
            self.words.append('ENV(%d)' % kind)
        elif token == 0x79:
            self.words.append('STATUS(%d)' % self.take('i'))
        elif token == 0xad or token == 0xed:
            self.skip('H')
            self.words.append('ACK' if token == 0xad else 'SSPI')
        else:
            raise ValueError('token %02x' % token)


def squeeze(words):
    """ROW ROW ROW is ROW..., and so are the 3211 of a progress."""
    out = []
    for word in words:
        if out and out[-1] == word + '...':
            continue
        if out and word == 'ROW' and out[-1] == 'ROW':
            out[-1] = 'ROW...'
        else:
            out.append(word)
    return ' '.join(out)


def read_table(path):
    """SESSION: statement, then an indented line with what is answered."""
    table = []
    with open(path, encoding='utf-8') as f:
        for line in f:
            if line.startswith('#') or not line.strip():
                continue
            if line.startswith(' '):
                table[-1][2] = line.strip()
            else:
                session, _, statement = line.rstrip('\n').partition(': ')
                table.append([session, statement, ''])
    return table


def main():
    show = '--show' in sys.argv[1:]
    table = read_table(os.path.join(HERE, 'captured.txt'))
    failed = 0
    with tempfile.TemporaryDirectory() as work:
        lab, (reading, writing) = work + '/lab', os.pipe()
        up = subprocess.run([BUILD + '/switchback-lab', 'up', '--dir', lab, '-t', SOURCE + '/examples/stretched-pool.ini',
                             '--sql-tls', 'none', '--owner-fd', str(reading)], pass_fds=[reading], check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        os.close(reading)
        if up.returncode != 0:
            print('1..1\nnot ok 1 - the lab comes up\n# ' + up.stdout)
            return 1
        with open(lab + '/lab.json', encoding='utf-8') as f:
            instances = {i['name']: i for i in json.load(f)['instances']}
        sessions = {}
        for n, (session, statement, wanted) in enumerate(table, 1):
            if session not in sessions: # "north-sql1/b" is a second session there
                sessions[session] = Wire(instances[session.partition('/')[0]])
            try:
                got = squeeze(Tokens(sessions[session].ask(statement)).words)
            except (ValueError, OSError, struct.error) as e:
                got = 'unreadable: %s' % e
            if show:
                print('%s: %s\n    %s' % (session, statement, got))
                continue
            title = '%s: %s' % (session, statement.replace('#', ' '))
            print('%sok %d - %s' % ('' if got == wanted else 'not ', n, title), flush=True)
            if got != wanted:
                failed = 1
                print('# got    %s\n# wanted %s' % (got, wanted))
        if not show:
            print('1..%d' % len(table))
        subprocess.run([BUILD + '/switchback-lab', 'down', '--dir', lab], check=False, stdout=subprocess.DEVNULL)
        os.close(writing)
    return failed


if __name__ == '__main__':
    sys.exit(main())
