#!/usr/bin/python3
"""Signing in at a front end with real Kerberos (a KDC of our own, tests/lib/kdc.py) and with a client certificate, ending with
a whole failover whose pool control has no password at all.

One lab: fe-north takes a certificate, fe-south takes tickets.  The names are the real ones of the topology; neither DNS nor
the hosts file knows them.  Each way to fail must be told as a sentence that says what to do.  Speaks TAP.
"""

import json
import os
import re
import shutil
import sys
import tempfile
import warnings

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lab"), os.path.join(HERE, "..", "lib")]
from kdc import Kdc, KdcMissing, missing  # noqa: E402
from lab import SOURCE, Lab, Tap, until  # noqa: E402

if missing():
    print("1..0 # SKIP " + missing())
    sys.exit(0)
warnings.filterwarnings("ignore")
tap = Tap()
SOUTH = "fe-south.example.net"
POOL_FACTS = ("H1", "H2", "H13", "H14", "H17")


def topology(folder):
    with open(os.path.join(SOURCE, "examples/stretched-pool.ini"), encoding="utf-8") as f:
        text = f.read()
    text = text.replace("user = EXAMPLE\\switchback\nsecret = file:lync-admin.secret",
                        "method = kerberos\nuser = svc@LAB.TEST\nkeytab = file:svc.keytab\n\n"
                        "[credential by-certificate]\nmethod = certificate\nuser = switchback\ncertificate = file:none.pem")
    text = re.sub(r"(?s)(\[frontend fe-north\].*?credential = )lync-admin", r"\1by-certificate", text, count=1)
    path = os.path.join(folder, "kerberos.ini")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


class Signing:
    def __init__(self, lab, kdc):
        self.lab, self.kdc, self.real = lab, kdc, lab.topology
        with open(self.real, encoding="utf-8") as f:
            self.text = f.read()

    def look(self, *changes, control="fe-south", fact=None):
        """Verdicts of the pool's facts, or of one, with (pattern, replacement) applied to the topology."""
        text = re.sub(r"(?m)^control = .*$", "control = " + control, self.text)
        for pattern, new in changes:
            text, n = re.subn(pattern, new, text)
            assert n, pattern
        self.lab.topology = os.path.join(self.lab.dir, "variant.ini")
        with open(self.lab.topology, "w", encoding="utf-8") as f:
            f.write(text)
        done = self.lab.run("check", "--json")
        self.lab.topology = self.real
        checks = [c for c in json.loads(done.stdout)["checks"] if c["fact"] in ([fact] if fact else POOL_FACTS)
                  and "reported in" not in c["title"]]
        return checks, json.dumps(checks, indent=1) + done.stderr

    def green(self, title, *changes, **how):
        checks, said = self.look(*changes, **how)
        tap.ok(checks and all(c["verdict"] == "green" for c in checks), title, said)

    def refused(self, title, words, *changes, **how):
        checks, said = self.look(*changes, fact="H1", **how)
        tap.ok(len(checks) == 1 and checks[0]["verdict"] == "unknown" and all(w in said for w in words), title, said)


OWN_KEY = r"keytab = file:.*/svc\.keytab\n"


def with_keytab(s):
    before = s.kdc.log().count("HTTP/" + SOUTH)
    s.green("a keytab gets tickets, and they reach the central store")
    tap.ok(s.kdc.log().count("HTTP/" + SOUTH) > before, "the KDC gave the ticket for the name in the URL, which no resolver knows",
           s.kdc.log())
    s.refused("a ticket that is not handed on opens no further server", ["ANONYMOUS LOGON"],
              (r"(?m)^address = 127.0.0.1$", "address = 127.0.0.1\ndelegate = no"))
    s.refused("a keytab that others can read is no key", ["chmod 600"], (OWN_KEY, "keytab = file:%s\n" % s.open_keytab))
    s.refused("a keytab of somebody else is told", ["klist -k"], (r"user = svc@LAB.TEST", "user = nobody@LAB.TEST"))


def with_password(s):
    for name, text in (("right", "pass word-7"), ("wrong", "pass word-8")):
        with open(s.kdc.path(name), "w", opener=lambda p, f: os.open(p, f, 0o600), encoding="utf-8") as f:
            f.write(text + "\n")
    s.green("a password gets tickets, too", (OWN_KEY, "secret = file:%s\n" % s.kdc.path("right")))
    s.refused("a wrong password is told, and not repeated", ["not that of this principal"],
              (OWN_KEY, "secret = file:%s\n" % s.kdc.path("wrong")))
    _, said = s.look((OWN_KEY, "secret = file:%s\n" % s.kdc.path("wrong")), fact="H1")
    tap.ok("word-8" not in said, "the password stands in no sentence", said)
    s.refused("an unknown principal is told", ["USER@REALM"], (OWN_KEY, "secret = file:%s\n" % s.kdc.path("right")),
              (r"user = svc@LAB.TEST", "user = nobody@LAB.TEST"))


def with_own_tickets(s):
    s.refused("without key, password and ticket the caller is told to sign in", ["kinit -f"], (OWN_KEY, ""))
    os.environ["KRB5CCNAME"] = s.kdc.ticket("svc")
    s.green("the caller's own ticket serves", (OWN_KEY, ""))
    os.environ["KRB5CCNAME"] = s.kdc.ticket("svc", cache="FILE:" + s.kdc.path("stiff"), forwardable=False)
    s.refused("a ticket that cannot be handed on is told before anything is sent", ["not forwardable", "delegate = no"], (OWN_KEY, ""))
    os.environ["KRB5CCNAME"] = s.kdc.ticket("mallory")
    s.refused("tickets of another user are told", ["mallory@LAB.TEST"], (OWN_KEY, ""))
    os.environ["KRB5CCNAME"] = s.kdc.env()["KRB5CCNAME"]


def strangers(s):
    s.refused("a good ticket of a user whom the front end does not know is refused", ["ticket was not accepted", "Negotiate"],
              (OWN_KEY, "keytab = file:%s\n" % s.kdc.path("mallory.keytab")), (r"user = svc@LAB.TEST", "user = mallory@LAB.TEST"))
    s.refused("a front end that is registered under no such name is told", ["HTTP/localhost", "setspn"],
              (r"url = https://fe-south\.example\.net:", "url = https://localhost:"))
    s.refused("a certificate for another name ends it", ["certificate"], (r"url = https://fe-south\.example\.net:", "url = https://other.lab:"))


def certificates(s):
    s.green("a client certificate opens the other front end", control="fe-north")
    s.refused("a certificate whose key is missing is told", ["none.key"], (r"key = file:.*client-by-certificate\.key", "key = file:none.key"),
              control="fe-north")
    s.refused("a certificate that is no client's is refused", ["mapped to no user"],
              (r"file:(.*)/client-by-certificate\.pem", r"file:\1/fe-north.pem"), (r"file:(.*)/client-by-certificate\.key", r"file:\1/fe-north.key"),
              control="fe-north")


def pywinrm(s):
    title = "pywinrm signs in with the same KDC and runs a command"
    try:
        from winrm.protocol import Protocol
        import requests_kerberos  # noqa: F401
    except ImportError as e:
        print("ok %d - %s # SKIP %s" % (tap.number + 1, title, e))
        tap.number += 1
        return
    fe = next(f for f in s.lab.json()["frontends"] if f["name"] == "fe-south")
    os.environ["KRB5CCNAME"] = s.kdc.ticket("svc")
    p = Protocol(endpoint=fe["url"], transport="kerberos", kerberos_hostname_override=SOUTH, kerberos_delegation=True,
                 ca_trust_path=fe["ca"], server_cert_validation="validate", operation_timeout_sec=5, read_timeout_sec=20)
    shell = p.open_shell()
    command = p.run_command(shell, "whoami")
    out, _, code = p.get_command_output(shell, command)
    p.close_shell(shell)
    os.environ["KRB5CCNAME"] = s.kdc.env()["KRB5CCNAME"]
    tap.ok(code == 0 and out == b"LAB\\svc\r\n", title, out)


def failover(s):
    s.lab.traffic()
    s.lab.fault("power-off", "site", "north")
    done = s.lab.run("run", "failover", "--approve", "all")
    tap.ok(done.returncode == 0, "the pool fails over, its cmdlets signed in by tickets alone", done.stdout[-4000:] + done.stderr)
    world = json.loads(s.lab.lab_does("status", "--json"))
    tap.ok(world["pool state"] == "FailedOver" and world["central store"] == "south" and world["active"]
           and all(a not in ("pchat01", "pchat02", "pchat03", "pchat04") for a in world["active"]),
           "state, active servers and central store are the other site's", world)
    after = len(s.lab.ledger())
    until("people chat again", lambda: len(s.lab.ledger()) > after + 10, 60)
    tap.ok(True, "people chat again")
    with open(os.path.join(s.lab.dir, "topology.ini"), encoding="utf-8") as f:
        tap.ok("lync-admin.secret" not in f.read(), "no password of the front ends was there to be used")


def main():
    folder = tempfile.mkdtemp(prefix="sb-kdc-")
    try:
        with Kdc(folder) as kdc:
            kdc.user("svc", "pass word-7")
            kdc.user("mallory", "pass word-9")
            kdc.service("HTTP/" + SOUTH, "HTTP/other.lab")
            os.environ.update(kdc.env())
            with Lab(topology(folder), options=["--keytab", kdc.keytab]) as lab:
                s = Signing(lab, kdc)
                s.open_keytab = kdc.path("open.keytab")
                shutil.copy(kdc.path("svc.keytab"), s.open_keytab)
                os.chmod(s.open_keytab, 0o644)
                for part in (with_keytab, with_password, with_own_tickets, strangers, certificates, pywinrm, failover):
                    part(s)
    except KdcMissing as e:
        print("1..0 # SKIP %s" % e)
        return 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.done()


sys.exit(main())
