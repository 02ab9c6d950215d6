#!/usr/bin/env python3
"""The sinks and the power controller on the wire, with clients that are not ours: curl, smtplib, openssl.  Speaks TAP."""
import base64, glob, json, os, shutil, smtplib, socket, ssl, subprocess, sys, tempfile, threading, time, warnings

BUILD = os.environ.get("SWITCHBACK_BUILD_DIR", ".")
SERVE = os.path.join(BUILD, "tests", "sinks", "serve")
TESTS = []


def test(title):
    return lambda run: TESTS.append((title, run))


class Lab:
    """A folder with a throw-away CA, a certificate for 127.0.0.1, and a running test program."""

    def __init__(self, *options):
        self.dir = tempfile.mkdtemp(prefix="sinks-")
        for name in ("tls", "secrets"):
            os.mkdir(os.path.join(self.dir, name), 0o700)
        self.make_tls()
        self.write("secrets/power.secret", "let-me-in\n")
        self.write("secrets/mail.secret", "s3cret:word\n")
        self.process = subprocess.Popen([SERVE, self.dir, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.ports = json.loads(self.process.stdout.readline())

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        with open(self.path(name + ".new"), "w") as f:
            f.write(text)
        os.chmod(self.path(name + ".new"), 0o600)
        os.rename(self.path(name + ".new"), self.path(name))

    def make_tls(self):
        def openssl(*args):
            subprocess.run(["openssl", *args], cwd=self.path("tls"), check=True, capture_output=True)
        new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        openssl(*new, "-x509", "-days", "2", "-subj", "/CN=throw-away", "-keyout", "ca.key", "-out", "ca.pem",
                "-addext", "keyUsage=critical,keyCertSign")
        openssl(*new, "-subj", "/CN=sinks", "-keyout", "sinks.key", "-out", "sinks.csr")
        self.write("tls/ext", "subjectAltName=IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", "sinks.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
                "-extfile", "ext", "-out", "sinks.pem")

    def context(self):
        return ssl.create_default_context(cafile=self.path("tls/ca.pem"))

    def curl(self, service, path, *args, data=None):
        """(status, body, headers in lower case)"""
        run = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "20", "--cacert", self.path("tls/ca.pem"), "-i", *args,
                              f"https://127.0.0.1:{self.ports[service]}{path}"], input=data, capture_output=True)
        assert run.returncode == 0, (run.returncode, run.stderr)
        head, _, body = run.stdout.partition(b"\r\n\r\n")
        while head.startswith(b"HTTP/1.1 100"):
            head, _, body = body.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        return int(lines[0].split()[1]), body.decode(), {k.lower(): v.strip() for k, _, v in (x.partition(":") for x in lines[1:])}

    def post(self, path, data, *args, service="chat"):
        return self.curl(service, path, "-H", "Content-Type: application/json", "--data-binary", "@-", *args,
                         data=data if isinstance(data, bytes) else json.dumps(data).encode())

    def power(self, site, data, token="let-me-in"):
        return self.post("/power/" + site, data, "-H", "Authorization: Bearer " + token, service="power")

    def lines(self):
        if not os.path.exists(self.path("sinks/chat.jsonl")):
            return []
        with open(self.path("sinks/chat.jsonl")) as f:
            return [json.loads(line) for line in f]

    def mails(self):
        return sorted((int(os.path.basename(p)[:-4]) for p in glob.glob(self.path("sinks/mail/*.eml"))))

    def mail(self, n):
        with open(self.path(f"sinks/mail/{n}.eml"), "rb") as f:
            return f.read()

    def smtp(self, tls=False):
        s = smtplib.SMTP("127.0.0.1", self.ports["mail"], local_hostname="tester.example", timeout=20)
        if tls:
            s.starttls(context=self.context())
        return s

    def raw(self):
        """A socket and a reader of replies, after the greeting."""
        s = socket.create_connection(("127.0.0.1", self.ports["mail"]), timeout=20)
        f = s.makefile("rb")
        assert f.readline().startswith(b"220 ")
        return s, f

    def end(self):
        self.process.stdin.close()
        code = self.process.wait(timeout=20)
        shutil.rmtree(self.dir)
        return code


def reply(f):
    while True:
        line = f.readline()
        if line[3:4] != b"-":
            return int(line[:3] or 0)


def talk(lab, data, replies):
    """Sends everything at once (PIPELINING) and compares the codes that come; 0 is the end of the connection."""
    s, f = lab.raw()
    s.sendall(data)
    got = [reply(f) for _ in replies]
    s.close()
    assert got == list(replies), got


ENVELOPE = b"EHLO t\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\n"
MESSAGE = "Subject: hello\r\n\r\n.dot\r\n..two\r\nend\r\n"


@test("chat: a JSON message is answered 'ok' and kept as one line with path, headers and body")
def _(lab):
    before, now = len(lab.lines()), time.time() * 1000
    status, body, _ = lab.post("/hook/1", {"text": "caf\u00e9\nline two"}, "-H", "Idempotency-Key: k-1")
    assert (status, body) == (200, "ok")
    kept = lab.lines()[before:]
    assert len(kept) == 1 and kept[0]["path"] == "/hook/1" and kept[0]["body"] == {"text": "caf\u00e9\nline two"}
    assert kept[0]["headers"]["idempotency-key"] == "k-1" and kept[0]["headers"]["content-type"] == "application/json"
    assert abs(kept[0]["at_ms"] - now) < 60000


@test("chat: credentials in headers are named, not kept")
def _(lab):
    lab.post("/hook", {}, "-H", "Authorization: Bearer abc-def")
    assert lab.lines()[-1]["headers"]["authorization"] == "(not kept)"


@test("chat: what is not JSON is refused and not kept")
def _(lab):
    before = lab.lines()
    assert [lab.post("/", b)[0] for b in (b"", b"text=hello", b'{"a":', b'"word"', b'{"a":"\xff"}')] == [400] * 5
    assert lab.lines() == before


@test("chat: only POST is understood")
def _(lab):
    status, _, headers = lab.curl("chat", "/hook")
    assert (status, headers["allow"]) == (405, "POST")
    assert lab.curl("chat", "/hook", "-X", "PUT", "-d", "{}")[0] == 405


@test("chat: a body of 1 MiB is taken, one byte more is not, said or unsaid beforehand")
def _(lab):
    before = len(lab.lines())
    assert lab.post("/", b'["' + b"x" * (1048576 - 4) + b'"]')[0] == 200
    too_long = b'["' + b"x" * (1048576 - 3) + b'"]'
    assert lab.post("/", too_long)[0] == 413
    assert lab.post("/", too_long, "-H", "Transfer-Encoding: chunked")[0] == 413
    assert len(lab.lines()) == before + 1


@test("chat: sixteen at once become sixteen whole lines")
def _(lab):
    before = len(lab.lines())
    threads = [threading.Thread(target=lab.post, args=("/many", {"n": i, "fill": "y" * 9000})) for i in range(16)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert sorted(x["body"]["n"] for x in lab.lines()[before:]) == list(range(16))


@test("chat: it misbehaves as often as it is told, keeps nothing then, and counts anew for a new file")
def _(lab):
    for times in (2, 1):
        before = len(lab.lines())
        lab.write("sinks/chat-answer.json", json.dumps({"status": 429, "retry_after": 2, "times": times, "delay_ms": 0}))
        for _ in range(times):
            status, _, headers = lab.post("/", {})
            assert (status, headers["retry-after"]) == (429, "2")
        assert lab.post("/", {})[0] == 200 and len(lab.lines()) == before + 1
    os.unlink(lab.path("sinks/chat-answer.json"))


@test("chat: an answer that comes late belongs to a message that was kept")
def _(lab):
    before = len(lab.lines())
    lab.write("sinks/chat-answer.json", '{"status": 200, "delay_ms": 30000}')
    run = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "1", "--cacert", lab.path("tls/ca.pem"), "-d", "{}",
                          f"https://127.0.0.1:{lab.ports['chat']}/"], capture_output=True)
    assert run.returncode == 28, run
    assert len(lab.lines()) == before + 1
    os.unlink(lab.path("sinks/chat-answer.json"))


@test("chat: a chat-answer.json that is not understood is said, not ignored")
def _(lab):
    for text in ("{", '{"status": 99}', '{"stat": 500}', '{"status": "500"}'):
        lab.write("sinks/chat-answer.json", text)
        status, body, _ = lab.post("/", {})
        assert status == 500 and "chat-answer.json" in body, (text, status, body)
    os.unlink(lab.path("sinks/chat-answer.json"))


@test("chat and power speak TLS 1.2 and newer, nothing older, and nothing in clear")
def _(lab):
    for service in ("chat", "power"):
        old = lab.context()
        old.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # we know that it is old
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        for context, works in ((lab.context(), True), (old, False)):
            with socket.create_connection(("127.0.0.1", lab.ports[service]), timeout=20) as s:
                try:
                    context.wrap_socket(s, server_hostname="127.0.0.1").close()
                    assert works
                except (ssl.SSLError, ConnectionError):
                    assert not works
        with socket.create_connection(("127.0.0.1", lab.ports[service]), timeout=20) as s:
            s.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            try:
                assert not s.recv(100).startswith(b"HTTP")
            except ConnectionError:
                pass


@test("mail: a message comes through STARTTLS, envelope first, dots as they were")
def _(lab):
    before = lab.mails()
    with lab.smtp(tls=True) as s:
        assert s.sendmail("a@x.example", ["b@y.example", "c@y.example"], MESSAGE) == {}
    new = [n for n in lab.mails() if n not in before]
    want = "X-Envelope-From: <a@x.example>\r\nX-Envelope-To: <b@y.example>\r\nX-Envelope-To: <c@y.example>\r\n" + MESSAGE
    assert len(new) == 1 and lab.mail(new[0]) == want.encode()
    assert os.stat(lab.path(f"sinks/mail/{new[0]}.eml")).st_mode & 0o777 == 0o600


@test("mail: libcurl sends a message with STARTTLS and AUTH")
def _(lab):
    before = lab.mails()
    run = subprocess.run(["curl", "-sS", "--noproxy", "*", "--max-time", "20", "--ssl-reqd", "--cacert", lab.path("tls/ca.pem"),
                          "--user", "switchback:s3cret:word", "--mail-from", "<a@x.example>", "--mail-rcpt", "<b@y.example>",
                          "-T", "-", f"smtp://127.0.0.1:{lab.ports['mail']}/tester.example"],
                         input=MESSAGE.encode(), capture_output=True)
    assert run.returncode == 0, run.stderr
    assert len(lab.mails()) == len(before) + 1 and MESSAGE.encode() in lab.mail(lab.mails()[-1])


@test("mail: STARTTLS and AUTH are offered where they can be used")
def _(lab):
    with lab.smtp() as s:
        s.ehlo()
        assert s.has_extn("starttls") and not s.has_extn("auth") and s.esmtp_features["size"] == "10485760"
        assert s.has_extn("8bitmime") and s.has_extn("pipelining")
        assert s.docmd("AUTH PLAIN AGEAYg==")[0] == 538
        s.starttls(context=lab.context())
        assert s.docmd("MAIL FROM:<a@x.example>")[0] == 503
        s.ehlo()
        assert not s.has_extn("starttls") and s.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]
        assert s.docmd("STARTTLS")[0] == 503


@test("mail: AUTH PLAIN and LOGIN let the right user in and nobody else")
def _(lab):
    def b64(text):
        return base64.b64encode(text.encode()).decode()
    for user, password, code in (("switchback", "s3cret:word", 235), ("switchback", "s3cret:wore", 535), ("", "s3cret:word", 535),
                                 ("somebody", "s3cret:word", 535), ("switchback", "", 535)):
        for how in ("plain", "plain later", "login"):
            with lab.smtp(tls=True) as s:
                s.ehlo()
                if how == "plain":
                    got = s.docmd("AUTH PLAIN " + b64(f"\0{user}\0{password}"))[0]
                elif how == "plain later":
                    assert s.docmd("AUTH PLAIN")[0] == 334
                    got = s.docmd(b64(f"\0{user}\0{password}"))[0]
                else:
                    assert s.docmd("AUTH LOGIN")[0] == 334 and s.docmd(b64(user) or "=")[0] == 334
                    got = s.docmd(b64(password) or "=")[0]
                assert got == code, (how, user, got)
                assert s.docmd("AUTH PLAIN =")[0] == (503 if code == 235 else 501)
    with lab.smtp(tls=True) as s:
        s.ehlo()
        assert s.docmd("AUTH PLAIN " + b64("other\0switchback\0s3cret:word"))[0] == 535
        assert s.docmd("AUTH LOGIN")[0] == 334 and s.docmd("*")[0] == 501
        assert s.docmd("AUTH PLAIN !!!")[0] == 501
        assert s.docmd("AUTH NTLM")[0] == 504


@test("mail: commands come in order or are refused")
def _(lab):
    talk(lab, b"MAIL FROM:<a@x.example>\r\nEHLO t\r\nRCPT TO:<b@y.example>\r\nDATA\r\nMAIL FROM:<a@x.example>\r\nDATA\r\n"
              b"MAIL FROM:<a@x.example>\r\nRSET\r\nRCPT TO:<b@y.example>\r\nWHAT\r\nNOOP\r\nQUIT\r\n",
         [503, 250, 503, 503, 250, 554, 503, 250, 503, 500, 250, 221, 0])


@test("mail: addresses and parameters follow the grammar")
def _(lab):
    good = [b"<>", b"<\"a b\"@x.example>", b"<@r.example,@q.example:a@x.example>", b"<a@[127.0.0.1]>", b"<a@x.example> SIZE=10",
            b"<a@x.example> BODY=8BITMIME SIZE=10485760"]
    for path in good:
        talk(lab, b"EHLO t\r\nMAIL FROM:" + path + b"\r\n", [250, 250])
    bad = {b" <a@x.example>": 501, b"a@x.example": 501, b"<a@>": 501, b"<a>": 501, b"<a@x.example": 501, b"<a..b@x.example>": 501,
           b"<a@-x.example>": 501, b"<a\xc3\xa9@x.example>": 501, b"<" + b"a" * 65 + b"@x.example>": 501,
           b"<a@x.example>SIZE=1": 501, b"<a@x.example> SIZE=x": 501, b"<a@x.example> BODY=9BIT": 501,
           b"<a@x.example> SMTPUTF8": 555, b"<a@x.example> SIZE=10485761": 552, b"<a@x.example> SIZE=99999999999999999999": 552}
    for path, code in bad.items():
        talk(lab, b"EHLO t\r\nMAIL FROM:" + path + b"\r\n", [250, code])
    talk(lab, b"HELO t\r\nMAIL FROM:<> SIZE=1\r\n", [250, 555])
    talk(lab, b"EHLO t\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\nRCPT TO:<>\r\nRCPT TO:<a@x.example> X=1\r\n", [250, 250, 250, 501, 555])
    talk(lab, b"EHLO\r\nEHLO a b\r\nHELO \r\nEHLO [127.0.0.1]\r\n", [501, 501, 501, 250])


@test("mail: the 101st recipient is put off")
def _(lab):
    talk(lab, b"EHLO t\r\nMAIL FROM:<>\r\n" + b"RCPT TO:<b@y.example>\r\n" * 101, [250] * 102 + [452])


@test("mail: only CR LF ends a line and only CR LF dot CR LF ends a message")
def _(lab):
    before = lab.mails()
    for trick in (b"a\n.\nb", b"a\n.\r\nb", b"a\r.\r\nb", b"a\0b", b"a\r\n.\nMAIL FROM:<x@x.example>"):
        talk(lab, ENVELOPE + b"DATA\r\n" + trick + b"\r\n.\r\nNOOP\r\n", [250, 250, 250, 354, 554, 250])
    talk(lab, b"EHLO t\nNOOP\r\nNO\0OP\r\n", [500, 500])
    assert lab.mails() == before


@test("mail: lines have limits, of 512 bytes in commands and of 1000 in messages")
def _(lab):
    before = lab.mails()
    talk(lab, b"NOOP " + b"x" * 505 + b"\r\nNOOP " + b"x" * 506 + b"\r\nNOOP " + b"x" * 20000 + b"\r\nNOOP\r\n", [250, 500, 500, 250])
    for line, code in ((b"x" * 998, 250), (b"x" * 999, 554), (b"." * 999, 250), (b"." * 1000, 554), (b"x" * 20000, 554)):
        talk(lab, ENVELOPE + b"DATA\r\n" + line + b"\r\n.\r\nNOOP\r\n", [250, 250, 250, 354, code, 250])
    assert len(lab.mails()) == len(before) + 2


@test("mail: bytes above 127 are taken when they were announced")
def _(lab):
    text = "Subject: x\r\n\r\ncaf\u00e9\r\n".encode()
    talk(lab, ENVELOPE + b"DATA\r\n" + text + b".\r\n", [250, 250, 250, 354, 554])
    talk(lab, ENVELOPE.replace(b"x.example>", b"x.example> BODY=8BITMIME") + b"DATA\r\n" + text + b".\r\n", [250, 250, 250, 354, 250])
    assert text in lab.mail(lab.mails()[-1])


@test("mail: a message of more than 10 MiB is refused and the session goes on; one of 10 MiB is kept")
def _(lab):
    before = lab.mails()
    line = b"z" * 990 + b"\r\n"
    fits = line * (10485760 // len(line))
    talk(lab, ENVELOPE + b"DATA\r\n" + fits + b".\r\nNOOP\r\n", [250, 250, 250, 354, 250, 250])
    talk(lab, ENVELOPE + b"DATA\r\n" + fits + line * 2 + b".\r\nNOOP\r\n", [250, 250, 250, 354, 552, 250])
    assert len(lab.mails()) == len(before) + 1 and lab.mail(lab.mails()[-1]).endswith(fits)


@test("mail: a message that breaks off is not kept, and neither is its number used")
def _(lab):
    before = lab.mails()
    s, f = lab.raw()
    s.sendall(ENVELOPE + b"DATA\r\n")
    assert [reply(f) for _ in range(4)] == [250, 250, 250, 354]
    s.sendall(b"Subject: half\r\n")
    s.shutdown(socket.SHUT_WR)
    assert f.read() == b""
    talk(lab, ENVELOPE + b"DATA\r\nwhole\r\n.\r\n", [250, 250, 250, 354, 250])
    assert lab.mails() == before + [before[-1] + 1]


@test("mail: commands smuggled in clear behind STARTTLS end the session")
def _(lab):
    talk(lab, b"EHLO t\r\nSTARTTLS\r\nMAIL FROM:<a@x.example>\r\n", [250, 554, 0])


@test("mail: ten errors end the session")
def _(lab):
    talk(lab, b"WHAT\r\n" * 12, [500] * 10 + [421, 0])


@test("mail: 32 sessions live beside each other, the next is told to come later")
def _(lab):
    def arrive():
        s = socket.create_connection(("127.0.0.1", lab.ports["mail"]), timeout=20)
        return s, s.makefile("rb").readline()[:3]
    deadline = time.monotonic() + 20
    while True:  # the sessions of earlier tests end in their own time
        held = [arrive() for _ in range(32)]
        if all(code == b"220" for _, code in held):
            break
        [s.close() for s, _ in held]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert arrive()[1] == b"421"
    [s.close() for s, _ in held]


@test("mail: where TLS is required nothing but hello, NOOP and QUIT comes before STARTTLS")
def _(lab):
    other = Lab("needs-tls", "idle=1000")
    try:
        talk(other, b"NOOP\r\nEHLO t\r\nMAIL FROM:<>\r\nRSET\r\nDATA\r\nAUTH PLAIN =\r\nQUIT\r\n", [250, 250, 530, 530, 530, 530, 221])
        with other.smtp(tls=True) as s:
            s.sendmail("a@x.example", ["b@y.example"], MESSAGE)
        assert other.mails() == [1]
        s, f = other.raw()
        assert reply(f) == 421 and f.readline() == b""  # silent for a second
        s, f = other.raw()
        s.sendall(ENVELOPE.split(b"MAIL")[0] + b"STARTTLS\r\n")
        assert [reply(f), reply(f)] == [250, 220] and f.read() == b""  # no handshake within a second
        s.close()
    finally:
        assert other.end() == 0


@test("mail: without mail.secret there is no AUTH; numbering goes on after a restart")
def _(lab):
    other = Lab()
    try:
        talk(other, ENVELOPE + b"DATA\r\n.\r\n", [250, 250, 250, 354, 250])
        other.process.stdin.close()
        assert other.process.wait(timeout=20) == 0
        other.process.stdout.close()
        os.unlink(other.path("secrets/mail.secret"))
        other.process = subprocess.Popen([SERVE, other.dir], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        other.ports = json.loads(other.process.stdout.readline())
        talk(other, ENVELOPE + b"DATA\r\n.\r\n", [250, 250, 250, 354, 250])
        assert other.mails() == [1, 2]
        with other.smtp(tls=True) as s:
            s.ehlo()
            assert not s.has_extn("auth") and s.docmd("AUTH PLAIN AGEAYg==")[0] == 502
        assert other.power("north", {"action": "status"})[0] == 503  # no world here
    finally:
        assert other.end() == 0


@test("power: a site is held off and let go, and the answer is what the world says")
def _(lab):
    for action, powered, held in (("status", True, False), ("off", False, True), ("status", False, True), ("off", False, True),
                                  ("on", True, False), ("status", True, False)):
        status, body, headers = lab.power("north", {"action": action})
        answer = json.loads(body)
        at = answer.pop("at")
        assert status == 200 and answer == {"site": "north", "powered": powered, "held": held}, (action, status, answer)
        assert at.endswith("Z") and at[10] == "T" and headers["content-type"] == "application/json"
    assert json.loads(lab.power("south", {"action": "status"})[1])["powered"] is True


@test("power: nobody without the token moves anything")
def _(lab):
    for token in ("", "let-me-im", "let-me-in2", "let-me-i"):
        status, _, headers = lab.power("north", {"action": "off"}, token)
        assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert lab.post("/power/north", {"action": "off"}, service="power")[0] == 401
    os.rename(lab.path("secrets/power.secret"), lab.path("secrets/away"))
    assert lab.power("north", {"action": "off"})[0] == 503
    os.rename(lab.path("secrets/away"), lab.path("secrets/power.secret"))
    assert json.loads(lab.power("north", {"action": "status"})[1])["powered"] is True


@test("power: what is not understood moves nothing")
def _(lab):
    for data in (b"", b"[]", b"{}", b'{"action":"OFF"}', b'{"action":"off","force":true}', b'{"action":1}',
                 b'{"action":"status","action":"off"}'):
        assert lab.power("north", data)[0] == 400, data
    assert lab.power("east", {"action": "off"})[0] == 404
    assert lab.power("", {"action": "off"})[0] == 404
    assert lab.curl("power", "/power/north", "-H", "Authorization: Bearer let-me-in")[0] == 405
    assert json.loads(lab.power("north", {"action": "status"})[1])["powered"] is True


def main():
    lab = Lab("world", "user=switchback")
    failed = 0
    print(f"1..{len(TESTS) + 1}")
    for n, (title, run) in enumerate(TESTS, 1):
        try:
            run(lab)
            print(f"ok {n} - {title}", flush=True)
        except Exception as e:  # a test that breaks is a test that failed; the others go on
            failed += 1
            line = e.__traceback__.tb_next.tb_lineno if e.__traceback__.tb_next else 0
            print(f"not ok {n} - {title}\n# line {line}: {type(e).__name__}: {e}".replace("\n", "\n# ").replace("# # ", "# "), flush=True)
    code = lab.end()
    failed += code != 0
    print(f"{'not ok' if code else 'ok'} {len(TESTS) + 1} - the services end without a complaint")
    return failed != 0


sys.exit(main())
