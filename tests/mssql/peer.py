#!/usr/bin/env python3
"""A peer that speaks just enough TDS 7.4 to be nasty: it refuses logins, stays
silent, cuts answers in the middle, hangs, ignores attentions, has the wrong
certificate.  It knows nothing of databases: answers are given by words found in
the batch.

  peer.py MODE [CERT KEY]     prints the port it listens at; ends when its stdin closes

Modes: mute (accepts, never answers), refuse (18456), good, cut (half an answer),
hang (silent at KILL and ALTER, heeds attentions), deaf (the same, heeds nothing),
fatal (severity 21), slow (3211 for ever at BACKUP), orphans (a copy with users that have lost their logins), ntlm and
browser (a named instance: also SQL Browser on the address in PEER_HOST), ntlm-other (takes NTLMv2 logins of LAB\\sb alone, with the right password or another); and, after a
good login and a good first question, answers that are garbage (random tokens), noise (random bytes instead of packets),
half (half an answer, then silence), nothing, endless (rows for ever), chatty (messages for ever), wide (65535 columns
announced), odd (another result than asked for), lies (values of impossible size).  With CERT and KEY everything is encrypted.
"""
import hmac
import os
import random
import select
import socket
import ssl
import struct
import sys
import threading
import time

MODE = sys.argv[1]
if MODE.startswith("ntlm"):
    try:
        from impacket.ntlm import NTOWFv2
    except ImportError:  # the distribution's interpreter has it
        if sys.executable == "/usr/bin/python3":
            raise
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
SEED = int(os.environ.get("PEER_SEED", "1"))
CERT = sys.argv[2:4] if len(sys.argv) > 3 else None


class Gone(Exception):
    pass


class Link:
    """One client: TDS messages over a socket, plain or TLS."""
    adopted: list = []  # users that got their login back: the server's state, not the connection's
    said: list = []

    def __init__(self, sock):
        self.sock, self.tls, self.buf, self.plain, self.adopted = sock, None, b"", b"", Link.adopted

    def raw(self, n):
        while len(self.buf) < n:
            data = self.sock.recv(65536)
            if not data:
                raise Gone
            self.buf += data
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def read(self, n):
        if self.tls is None:
            return self.raw(n)
        while len(self.plain) < n:
            try:
                self.plain += self.tls.read(65536)
            except ssl.SSLWantReadError:
                data, self.buf = self.buf or self.sock.recv(65536), b""
                if not data:
                    raise Gone
                self.tls_in.write(data)
        data, self.plain = self.plain[:n], self.plain[n:]
        return data

    def waiting(self):
        return bool(self.buf or self.plain or (self.tls and self.tls.pending()) or select.select([self.sock], [], [], 0.05)[0])

    def message(self):
        body, kind = b"", 0
        while True:
            kind, status, length = struct.unpack(">BBH4x", self.read(8))
            body += self.read(length - 8)
            if status & 1:
                return kind, body

    def write(self, data):
        if self.tls is None:
            self.sock.sendall(data)
        else:
            self.tls.write(data)
            self.sock.sendall(self.tls_out.read())

    def packet(self, body, kind=4, last=True):
        self.write(struct.pack(">BBHHBB", kind, int(last), len(body) + 8, 51, 1, 0) + body)

    def answer(self, body):
        while len(body) > 4000:
            self.packet(body[:4000], last=False)
            body = body[4000:]
        self.packet(body)

    def start_tls(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*CERT)
        self.tls_in, self.tls_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self.tls_in, self.tls_out, server_side=True)
        while True:
            try:
                tls.do_handshake()
                done = True
            except ssl.SSLWantReadError:
                done = False
            data = self.tls_out.read()
            if data:
                self.packet(data, kind=0x12)
            if done:
                break
            self.tls_in.write(self.message()[1])
        self.tls = tls


def us(text):
    return text.encode("utf-16-le")


def bvar(text):
    return struct.pack("B", len(text)) + us(text)


def done(status=0, token=0xFD):
    return struct.pack("<BHHQ", token, status, 0xC1, 0)


def say(number, severity, text, state=1):
    body = struct.pack("<iBB", number, state, severity) + struct.pack("<H", len(text)) + us(text) + bvar("PEER") + bvar("")
    return struct.pack("<BH", 0xAA if severity > 10 else 0xAB, len(body) + 4) + body + struct.pack("<I", 1)


def rows(columns, *lines):
    out = struct.pack("<BH", 0x81, len(columns))
    for name in columns:
        out += struct.pack("<IHBH5s", 0, 1, 0xE7, 8000, b"\x09\x04\xd0\x00\x34") + bvar(name)
    for line in lines:
        out += b"\xd1"
        for cell in line:
            out += b"\xff\xff" if cell is None else struct.pack("<H", 2 * len(cell)) + us(cell)
    return out + done(0x10)


COPY = ["name", "database_id", "state_desc", "user_access_desc", "recovery_model_desc", "is_in_standby", "is_read_only",
        "mirroring_guid"]


def forever(link, piece):
    """The same piece again and again, whatever the client says."""
    while True:
        link.packet(piece * 20, last=False)


def nasty(link, sql):
    """An answer that no client can like; None: this mode has none."""
    noise = random.Random(len(sql) * 7919 + SEED)
    if MODE == "garbage":
        link.answer(bytes(noise.choice([noise.randrange(256), 0x81, 0xD1, 0xD2, 0xAA, 0xAB, 0xFD, 0xE3, 0x79]) for _ in range(noise.randrange(1, 3000))))
        return b""
    if MODE == "noise":
        link.write(noise.randbytes(noise.randrange(1, 5000)))
        raise Gone
    if MODE in ("half", "nothing"):
        if MODE == "half":
            whole = rows(COPY, ["mgc", "5", "ONLINE", "MULTI_USER", "FULL", "0", "0", None])
            link.write(struct.pack(">BBHHBB", 4, 1, len(whole) + 8, 51, 1, 0) + whole[:len(whole) // 2])
        while True:
            link.message()  # heeds nothing
    if MODE == "endless":
        head = rows(COPY)[:-13]
        link.packet(head, last=False)
        forever(link, rows(COPY, ["mgc", "5", "ONLINE", "MULTI_USER", "FULL", "0", "0", None])[len(head):-13])
    if MODE == "chatty":
        forever(link, say(0, 0, "still here") + done(1))
    if MODE == "wide":
        return struct.pack("<BH", 0x81, 0xFFFE) + rows(COPY)[3:]
    if MODE == "odd":
        return rows(["nobody", "asked"], ["for", None], [None, "this"]) + rows(["x"])
    if MODE == "lies":
        return rows(COPY)[:-13] + b"\xd1" + struct.pack("<H", 0xFFFE) + us("short") + done(0x10)
    return None


def respond(link, sql):
    if "ProductVersion" in sql:
        return rows(["server_name", "version", "edition", "is_sysadmin"], ["PEER", "15.0.2000.5", "3", "1"])
    bad = nasty(link, sql) if "SET ANSI_NULLS" not in sql else None
    if bad is not None:
        return bad
    if "database_principals" in sql:
        mended = link.adopted
        return rows(["name", "logins"], *[r for r in (["lost ]['one", "1"], ["nobody's", "0"]) if r[0] not in mended])
    if "sp_executesql" in sql:
        link.adopted.append("lost ]['one")
        Link.said.append(sql)
        return done()
    if "SUSER_SNAME" in sql:
        return rows(["is_trustworthy_on", "is_broker_enabled", "owner"], ["0", "1", "sa"])
    if "mirroring_role_desc" in sql:
        answer = rows(COPY, ["mgc", "5", "ONLINE", "MULTI_USER", "FULL", "0", "0", None])
        if MODE == "cut":
            whole = struct.pack(">BBHHBB", 4, 1, len(answer) + 8, 51, 1, 0) + answer
            link.write(whole[:len(whole) // 2])
            raise Gone
        if MODE == "fatal":
            link.answer(say(596, 21, "Cannot continue the execution because the session is in the kill state.") + done(0x102))
            raise Gone
        return answer
    if "ALTER DATABASE" in sql and MODE in ("hang", "deaf"):
        while True:
            if not link.waiting():
                continue
            kind, _ = link.message()
            if kind == 6 and MODE == "hang":
                link.answer(done(2))
                return done(0x20)
    if "BACKUP DATABASE" in sql and MODE == "slow":
        percent = 0
        while not link.waiting():
            link.packet(say(3211, 0, "%d percent processed." % (percent % 100)) + done(1), last=False)
            percent += 1
            time.sleep(0.1)
        link.message()
        link.answer(done(2))
        return done(0x20)
    return done()


def field(message, at):
    length, _, offset = struct.unpack_from("<HHI", message, at)
    return message[offset:offset + length]


def ntlm(link, first):
    """NTLMv2 as a domain member accepts it (MS-NLMP 3.3.2): user sb of domain LAB.  Refused: no session."""
    challenge, begin = os.urandom(8), first.find(b"NTLMSSP\0")
    target = us("LAB")
    info = struct.pack("<HH", 2, len(target)) + target + struct.pack("<HH", 0, 0)
    if begin < 0 or first[begin + 8] != 1 or len(first) < 36 or not first[25] & 0x80 or b"very-secret" in first:
        link.answer(say(18456, 14, "Login failed: no integrated login was asked for.") + done(2))
        raise Gone
    head = struct.pack("<8sIHHII8s8xHHI8s", b"NTLMSSP", 2, len(target), len(target), 56, 0x00890205, challenge, len(info), len(info),
                       56 + len(target), b"\x0a\x00\x00\x00\x00\x00\x00\x0f")
    token = head + target + info
    link.answer(b"\xed" + struct.pack("<H", len(token)) + token)
    kind, third = link.message()
    user, domain, proof = field(third, 36).decode("utf-16-le"), field(third, 28).decode("utf-16-le"), field(third, 20)
    good = hmac.new(NTOWFv2(user, "very-secret-7" if MODE == "ntlm" else "another", domain), challenge + proof[16:], "md5").digest()
    if kind != 0x11 or user.lower() != "sb" or domain.upper() != "LAB" or len(proof) <= 24 or proof[:16] != good:
        link.answer(say(18456, 14, "Login failed. The login is from an untrusted domain.") + done(2))
        raise Gone


def login(link, first):
    if MODE.startswith("ntlm"):
        ntlm(link, first)
    if MODE == "refuse":
        link.answer(say(18456, 14, "Login failed for user 'x'.") + done(2))
        raise Gone
    ack = b"\x01\x74\x00\x00\x04" + bvar("Microsoft SQL Server") + b"\x0f\x00\x07\xd0"
    link.answer(struct.pack("<BH", 0xAD, len(ack)) + ack + done())


def serve(sock):
    link = Link(sock)
    try:
        if MODE == "mute":
            while True:
                link.read(1)
        kind, _ = link.message()
        if kind != 0x12:
            return
        encryption = 1 if CERT else 2
        table = b"\x00\x00\x0b\x00\x06\x01\x00\x11\x00\x01\xff"
        link.packet(table + b"\x0f\x00\x07\xd0\x00\x00" + bytes([encryption]))
        if CERT:
            link.start_tls()
        login(link, link.message()[1])
        while True:
            kind, body = link.message()
            if kind == 6:
                link.answer(done(0x20))
                continue
            skip = struct.unpack("<I", body[:4])[0]
            link.answer(respond(link, body[skip:].decode("utf-16-le")))
    except (Gone, OSError, ssl.SSLError):
        pass
    finally:
        sock.close()


def browser(host, port):
    """SQL Browser (MC-SQLR): the first question is lost on the way, the second is answered for the instance RTC alone."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((host, 1434))
    sock.recvfrom(1024)
    while True:
        question, who = sock.recvfrom(1024)
        if question == b"\x04RTC\0":
            text = f"ServerName;PEER;InstanceName;RTC;IsClustered;No;Version;15.0.2000.5;tcp;{port};;".encode()
            sock.sendto(b"\x05" + struct.pack("<H", len(text)) + text, who)


def main():
    host = os.environ.get("PEER_HOST", "127.0.0.1")
    listener = socket.socket()
    listener.bind((host, 0))
    if MODE == "browser":
        threading.Thread(target=browser, args=(host, listener.getsockname()[1]), daemon=True).start()
    listener.listen(16)
    print(listener.getsockname()[1], flush=True)

    def accept():
        while True:
            sock, _ = listener.accept()
            threading.Thread(target=serve, args=(sock,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()
    os._exit(0)


main()
