#!/usr/bin/env python3
"""E-mail against servers that nobody here wrote: aiosmtpd (STARTTLS, SMTPS, log-in, refusals), and Exim with GnuTLS, which
takes mail from those who signed in and files it.  What arrives is read with Python's own parser.  Speaks TAP.

OpenSMTPD as Debian 12 has it (6.8.0p2-4+b4) cannot be the second one: it fails every TLS handshake as a server.  The process
that speaks TLS holds no private key; it gives OpenSSL the certificate's public key as if it were one, and an ENGINE that lets
another process sign.  OpenSSL 3 signs with such a key in its provider, which never asks that ENGINE: alert 80 with TLS 1.2 and
1.3, with RSA and ECDSA keys; alert 51 where RSA decrypts the secret; an Ed25519 key keeps it from starting.  Tried with one
file for each, a host name for the pki and every cipher allowed; no setting leads around it, for none moves the key."""
import email
import email.policy
import glob
import html
import json
import logging
import os
import pwd
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import warnings

try:
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult
except ImportError:  # the distribution's interpreter has it
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("1..0 # SKIP python3-aiosmtpd is not installed")
    sys.exit(0)

SOURCE = os.path.abspath(os.environ.get("SB_SRCDIR", os.path.join(os.path.dirname(__file__), "../..")))
PROGRAM = os.path.join(os.path.abspath(os.environ.get("SWITCHBACK_BUILD_DIR", "build")), "switchback")
PASSWORD = "letter-box-77c1"
TESTS = []


def test(title, when=True):
    return lambda run: TESTS.append((title, run, when))


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Box:
    """What aiosmtpd took: envelopes; `refuse` is an address and what is said to it."""

    def __init__(self):
        self.taken, self.refuse, self.secure = [], {}, []

    async def handle_RCPT(self, server, session, envelope, address, options):  # pylint: disable=invalid-name,too-many-arguments
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # pylint: disable=invalid-name
        self.taken.append((envelope.mail_from, list(envelope.rcpt_tos), envelope.original_content))
        self.secure.append(session.ssl is not None)
        return "250 queued as 17"

    def mails(self):
        return [email.message_from_bytes(content, policy=email.policy.default) for _, _, content in self.taken]


def authenticator(server, session, envelope, mechanism, data):  # pylint: disable=unused-argument
    good = data.login == b"mailer" and data.password == PASSWORD.encode()
    return AuthResult(success=good, handled=good)


class House:
    """A folder with certificates, channels and texts; aiosmtpd servers of the test end with it."""

    def __init__(self, texts=None):
        self.dir = tempfile.mkdtemp(prefix="sb-mail-")
        self.controllers, self.topology = [], ("[pool test]\nfqdn = mail-%d.example.net\nprimary site = north\nbackup site = south\n"
                                               "[site north]\n[site south]\n[credential mailer]\nuser = mailer\nsecret = file:mail.secret\n"
                                               "[credential wrong]\nuser = mailer\nsecret = file:wrong.secret\n" % os.getpid())
        for name in ("door", "other"):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{self.dir}/{name}.key", "-out", f"{self.dir}/{name}.pem", "-days", "2", "-subj", f"/CN={name}", "-addext",
                            "subjectAltName=IP:127.0.0.1" if name == "door" else "subjectAltName=DNS:other.example"],
                           check=True, capture_output=True)
        for name, text in (("mail.secret", PASSWORD), ("wrong.secret", PASSWORD[::-1])):
            with open(f"{self.dir}/{name}", "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
                f.write(text + "\n")
        if texts:
            with open(f"{self.dir}/messages.ini", "w", encoding="utf-8") as f:
                f.write(texts)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        for c in self.controllers:
            c.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def context(self, name="door"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{self.dir}/{name}.pem", f"{self.dir}/{name}.key")
        return context

    def server(self, box, starttls="door", smtps=None, login=False, port=0):
        """The port of an aiosmtpd with this box."""
        words = {"ready_timeout": 60, "hostname": "127.0.0.1", "port": port or free_port()}
        if starttls:
            words |= {"tls_context": self.context(starttls), "require_starttls": True}
        if smtps:
            words["ssl_context"] = self.context(smtps)
        if login:
            words |= {"authenticator": authenticator, "auth_required": True, "auth_require_tls": not smtps}
        controller = Controller(box, **words)
        controller.start()
        self.controllers.append(controller)
        return words["port"]

    def channel(self, name, port, more="", to="duty@lab.example, ops@lab.example"):
        self.topology += (f"[channel {name}]\nsmtp = 127.0.0.1:{port}\nfrom = switchback@lab.example\nto = {to}\n"
                          f"ca = file:door.pem\n{more}")

    def fire(self, *words):
        with open(f"{self.dir}/topology.ini", "w", encoding="utf-8") as f:
            f.write(self.topology)
        done = subprocess.run([PROGRAM, "notify", "test", "--json", *words, "-t", f"{self.dir}/topology.ini"], capture_output=True, text=True,
                              timeout=120, check=False, stdin=subprocess.DEVNULL)
        assert PASSWORD not in done.stdout + done.stderr and PASSWORD[::-1] not in done.stdout + done.stderr, "a password was shown"
        assert done.stdout, done.stderr
        return {row["channel"]: row for row in json.loads(done.stdout)}


def parts(mail):
    assert mail.get_content_type() == "multipart/alternative" and not mail.defects, (mail.get_content_type(), mail.defects)
    text, page = mail.iter_parts()
    assert text.get_content_type() == "text/plain" and page.get_content_type() == "text/html"
    return text.get_content(), page.get_content()


@test("STARTTLS, a log-in and several receivers: text and HTML say the same, with every character, and repeat nothing else")
def whole():
    with House("[message test]\nsubject = Über <b>&amp; 漢字 =?UTF-8?B?eA==?=\ntext = Grüße\\n.\\n..\\nFrom here <script>\\n\nfact A<b> = \"1\" & 2\n") as h:
        box = Box()
        h.channel("post", h.server(box, login=True), "credential = mailer\n")
        row = h.fire("--drill")["post"]
        assert row["delivered"] and "queued as 17" in row["receipt"], row
        sender, to, _ = box.taken[0]
        assert sender == "switchback@lab.example" and to == ["duty@lab.example", "ops@lab.example"] and box.secure == [True]
        mail, = box.mails()
        subject = "DRILL switchback: Über <b>&amp; 漢字 =?UTF-8?B?eA==?="
        assert mail["Subject"] == subject, mail["Subject"]
        assert mail["X-Switchback-Drill"] == "yes" and mail["Auto-Submitted"] == "auto-generated" and mail["Date"] and mail["Message-ID"]
        assert sorted(k.lower() for k in mail.keys() if k.lower() in ("subject", "to", "from", "bcc", "cc", "content-type")) == [
            "content-type", "from", "subject", "to"]
        text, page = parts(mail)
        assert text.startswith(subject + "\n\nThis is a DRILL.\nGrüße\n.\n..\nFrom here <script>\n") and 'A<b>: "1" & 2\n' in text, text
        assert "<script>" not in page and 'A&lt;b&gt;' in page and html.escape(subject) in page, page


@test("SMTPS: TLS from the first byte, with a log-in")
def smtps():
    with House() as h:
        box = Box()
        h.channel("post", h.server(box, starttls=None, smtps="door", login=True), "smtp tls = tls\ncredential = mailer\n")
        row = h.fire()["post"]
        assert row["delivered"] and len(box.taken) == 1, row


@test("no STARTTLS, another's certificate, a wrong password, nobody there: nothing is sent, and each is told apart")
def refusals():
    with House() as h:
        box = Box()
        h.channel("clear", h.server(box, starttls=None))
        h.channel("other", h.server(box, starttls="other"))
        h.channel("wrong", h.server(box, login=True), "credential = wrong\n")
        h.channel("nobody", free_port())
        told = h.fire()
        assert not box.taken and not any(row["delivered"] for row in told.values()), told
        assert "offers no STARTTLS" in told["clear"]["sentence"], told
        assert "certificate" in told["other"]["sentence"].lower() or "SSL" in told["other"]["sentence"], told
        assert "refused" in told["wrong"]["sentence"] and "535" in told["wrong"]["sentence"], told
        assert "was not taken" in told["nobody"]["sentence"], told


@test("one receiver that is refused does not keep the others from it, and the receipt says so; all refused is final, later is later")
def receivers():
    with House() as h:
        box = Box()
        box.refuse = {"gone@lab.example": "550 nobody here", "busy@lab.example": "451 come later"}
        port = h.server(box)
        h.channel("some", port, to="gone@lab.example, duty@lab.example")
        h.channel("none", port, to="gone@lab.example")
        h.channel("later", port, to="busy@lab.example")
        told = h.fire()
        assert told["some"]["delivered"] and "not for all: 550 nobody here" in told["some"]["receipt"], told
        assert box.taken[0][1] == ["duty@lab.example"] and len(box.taken) == 1
        assert "refused" in told["none"]["sentence"] and "550" in told["none"]["sentence"], told
        assert "was not taken" in told["later"]["sentence"] and "451" in told["later"]["sentence"], told


@test("addresses and texts smuggle no header and no command in")
def injection():
    with House("[message test]\nsubject = x\\nBcc: all@lab.example\\n\\nbody\ntext = .\\nQUIT\\n") as h:
        box = Box()
        port = h.server(box)
        h.channel("post", port)
        h.channel("evil", port, to="duty@lab.example> SIZE=1")
        told = h.fire()
        assert told["post"]["delivered"] and not told["evil"]["delivered"] and "not an address" in told["evil"]["sentence"], told
        mail, = box.mails()
        assert "Bcc" not in mail and mail["Subject"] == "switchback: x Bcc: all@lab.example  body", mail["Subject"]
        assert parts(mail)[0].split("\n\n", 1)[1].startswith(".\nQUIT\n")


EXIM = shutil.which("exim4", path="/usr/sbin:/sbin")


class Exim:
    """One that takes mail under TLS, and only from those who signed in, and files it in a Maildir: mails()."""

    def __init__(self, folder):
        self.starttls, self.smtps, self.folder = free_port(), free_port(), folder
        who = pwd.getpwnam("Debian-exim")
        os.chmod(folder, 0o755)
        for name in ("spool", "box"):
            os.mkdir(f"{folder}/{name}", 0o750)
            os.chown(f"{folder}/{name}", who.pw_uid, who.pw_gid)
        os.chown(f"{folder}/door.key", who.pw_uid, who.pw_gid)
        lines = ["primary_hostname = mail.lab.example", f"daemon_smtp_ports = {self.starttls} : {self.smtps}", "local_interfaces = 127.0.0.1",
                 f"tls_on_connect_ports = {self.smtps}", "tls_advertise_hosts = *", f"tls_certificate = {folder}/door.pem",
                 f"tls_privatekey = {folder}/door.key", "auth_advertise_hosts = ${if eq{$tls_in_cipher}{}{}{*}}", "acl_smtp_rcpt = rcpt",
                 f"spool_directory = {folder}/spool", f"log_file_path = {folder}/spool/%slog", "keep_environment =", "host_lookup =",
                 "rfc1413_hosts =", "daemon_startup_retries = 0", "begin acl", "rcpt:", "  deny !authenticated = *",
                 "       message = sign in first", "  deny local_parts = gone", "       message = nobody here", "  accept", "begin routers",
                 "all:", "  driver = accept", "  transport = box", "begin transports", "box:", "  driver = appendfile",
                 f"  directory = {folder}/box", "  maildir_format", "  create_directory", "  user = Debian-exim", "begin authenticators",
                 "plain:", "  driver = plaintext", "  public_name = PLAIN", "  server_prompts = :",
                 "  server_condition = ${if and{{eq{$auth2}{mailer}}{eq{$auth3}{%s}}}}" % PASSWORD, "  server_set_id = $auth2", ""]
        with open(f"{folder}/exim.conf", "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o640)) as f:
            f.write("\n".join(lines))
        os.chown(f"{folder}/exim.conf", 0, who.pw_gid)
        self.log = open(f"{folder}/exim.log", "wb")  # pylint: disable=consider-using-with
        self.process = subprocess.Popen([EXIM, "-C", f"{folder}/exim.conf", "-bdf"], stdout=self.log, stderr=self.log,  # pylint: disable=consider-using-with
                                        start_new_session=True)
        deadline = time.monotonic() + 60
        while True:
            try:
                with smtplib.SMTP("127.0.0.1", self.starttls, timeout=10) as client:
                    client.ehlo()
                return
            except OSError as e:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise AssertionError(f"Exim does not answer: {self.said()}") from e
                time.sleep(0.1)

    def said(self):
        text = ""
        for name in ("exim.log", "spool/mainlog", "spool/paniclog"):
            try:
                with open(f"{self.folder}/{name}", encoding="utf-8", errors="replace") as f:
                    text += f.read()
            except OSError:
                pass
        return text

    def mails(self):
        found = []
        for path in glob.glob(f"{self.folder}/box/new/*"):
            with open(path, "rb") as f:
                found.append(email.message_from_binary_file(f, policy=email.policy.default))
        return found

    def stop(self):
        for signo in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, signo)
                self.process.wait(timeout=20)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        self.log.close()


@test("Exim takes it over STARTTLS and SMTPS after a log-in, and what it files is still whole; without, or with a wrong one, it does not",
      EXIM and os.getuid() == 0)
def exim():
    line = ("long " * 30).strip()
    with House(f"[message test]\nsubject = Grüße {line}\ntext = .\\nÜber {line}\\n") as h:
        server = Exim(h.dir)
        try:
            h.channel("first", server.starttls, "credential = mailer\n", to="duty@lab.example, gone@lab.example")
            h.channel("second", server.smtps, "smtp tls = tls\ncredential = mailer\n", to="ops@lab.example")
            h.channel("wrong", server.starttls, "credential = wrong\n")
            h.channel("nobody", server.starttls)
            told = h.fire()
            assert told["first"]["delivered"] and told["second"]["delivered"], (told, server.said())
            assert re.search(r"SMTP 250 OK id=\S+; not for all: 550 nobody here", told["first"]["receipt"]), told
            assert not told["wrong"]["delivered"] and "535" in told["wrong"]["sentence"], told
            assert not told["nobody"]["delivered"] and "sign in first" in told["nobody"]["sentence"], told
            deadline = time.monotonic() + 60
            while len(server.mails()) < 2:
                assert time.monotonic() < deadline, f"not filed: {server.said()}"
                time.sleep(0.05)
            for mail in server.mails():
                assert mail["Subject"] == f"switchback: Grüße {line}", mail["Subject"]
                assert parts(mail)[0].split("\n\n", 1)[1].startswith(f".\nÜber {line}\n") and "Message-ID" in mail
                assert "with esmtpsa" in str(mail["Received"]), mail["Received"]
        finally:
            server.stop()


def main():
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)  # what a server says of clients that it turns away
    print(f"1..{len(TESTS)}", flush=True)
    failed = 0
    for i, (title, run, when) in enumerate(TESTS, 1):
        if not when:
            print(f"ok {i} - {title} # SKIP exim4 and root are needed", flush=True)
            continue
        try:
            run()
            print(f"ok {i} - {title}", flush=True)
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {i} - {title}\n# " + f"{type(e).__name__}: {e}"[:3000].replace("\n", "\n# "), flush=True)
    return failed > 0


sys.exit(main())
