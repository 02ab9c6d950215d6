"""A Kerberos KDC of our own, for tests: MIT's krb5kdc on a free high port of the loopback address.

It knows how a realm is made (kdb5_util, kadmin.local, krb5kdc of Debian's krb5-kdc and krb5-admin-server) and which settings
keep it away from the machine's own Kerberos, its DNS and its hosts file.  It promises that nothing outlives the object, and
that the names of services are used as they are written: no lookup, no canonical form.  Any host name may be given to a
service; how a client gets from that name to 127.0.0.1 is the client's matter (libcurl: CURLOPT_CONNECT_TO).

As a module:

    with Kdc(folder, "LAB.TEST") as kdc:
        kdc.user("svc", "pass word")              # writes folder/svc.keytab, too
        kdc.service("HTTP/fe.lab", "MSSQLSvc/sql.lab:1433")   # both into folder/services.keytab
        cache = kdc.ticket("svc", forwardable=True)
        subprocess.run([...], env=kdc.env(cache))

As a program, for tests in other languages (it stays in the foreground until its stdin is closed or it is terminated):

    kdc.py FOLDER [--realm REALM] [--user NAME:PASSWORD]... [--service PRINCIPAL]...

writes FOLDER/env (lines NAME=VALUE) as its last act before it waits.  Exit code 77: the programs are not installed.
"""

import argparse
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

PLACES = os.environ.get("PATH", "") + ":/usr/sbin:/usr/lib/mit-krb5"
PROGRAMS = ("krb5kdc", "kdb5_util", "kadmin.local", "kinit")
DEADLINE_S = 60
PR_SET_PDEATHSIG = 1

KRB5_CONF = """[libdefaults]
    default_realm = {realm}
    dns_lookup_realm = false
    dns_lookup_kdc = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
    default_ccache_name = FILE:{folder}/ccache
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
"""

# disable_pac: a stand-alone smbd rejects tickets with a PAC that no domain has signed.
KDC_CONF = """[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {folder}/principal
        key_stash_file = {folder}/stash
        acl_file = {folder}/acl
        supported_enctypes = aes256-cts-hmac-sha1-96:normal aes128-cts-hmac-sha1-96:normal
        max_life = 10h
        max_renewable_life = 7d
        disable_pac = true
    }}
[logging]
    kdc = FILE:{folder}/kdc.log
"""


class KdcMissing(Exception):
    """The programs of a KDC are not installed; a test may be skipped with this as its reason."""


def find(name):
    return shutil.which(name, path=PLACES)


def missing():
    """What is not installed, in words; None: all is there."""
    absent = [p for p in PROGRAMS if not find(p)]
    return "no " + ", ".join(absent) + " (krb5-kdc, krb5-admin-server, krb5-user)" if absent else None


def die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Kdc:
    """A realm.  `folder` must be there and writable; it may be shared with nobody else."""

    def __init__(self, folder, realm="LAB.TEST"):
        if missing():
            raise KdcMissing(missing())
        self.folder = os.path.abspath(folder)
        self.realm = realm
        self.process = None
        self.config = self.path("krb5.conf")
        self.keytab = self.path("services.keytab")
        self.start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def env(self, cache=None):
        """The environment of a program that shall live in this realm, with this credential cache."""
        env = dict(os.environ, KRB5_CONFIG=self.config, KRB5_KTNAME="FILE:" + self.keytab)
        for name in ("KRB5_CLIENT_KTNAME", "KRB5CCNAME", "KRB5_TRACE"):
            env.pop(name, None)
        env["KRB5CCNAME"] = cache or "FILE:" + self.path("no-cache")
        return env

    def tool(self, name, *args, text=None, cache=None):
        env = dict(self.env(cache), KRB5_KDC_PROFILE=self.path("kdc.conf"))
        done = subprocess.run([find(name), *args], env=env, input=text, capture_output=True, text=True, timeout=DEADLINE_S)
        if done.returncode != 0:
            raise RuntimeError("%s %s: %s" % (name, " ".join(args), done.stderr.strip() or done.stdout.strip()))
        return done.stdout

    # ---- the realm's life --------------------------------------------------------------------------------------

    def start(self):
        """A port that somebody else takes in between costs another try."""
        for attempt in range(5):
            self.port = free_port()
            for name, text in (("krb5.conf", KRB5_CONF), ("kdc.conf", KDC_CONF)):
                with open(self.path(name), "w", encoding="utf-8") as f:
                    f.write(text.format(realm=self.realm, folder=self.folder, port=self.port))
            if attempt == 0:
                self.tool("kdb5_util", "create", "-r", self.realm, "-s", "-P", "master of " + self.realm)
            self.process = subprocess.Popen([find("krb5kdc"), "-n", "-r", self.realm],
                                            env=dict(self.env(), KRB5_KDC_PROFILE=self.path("kdc.conf")),
                                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                            stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
            if self.answers():
                return
            self.stop()
        raise RuntimeError("the KDC does not start; see " + self.path("kdc.log"))

    def answers(self):
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                time.sleep(0.02)
        return False

    def stop(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # ---- principals --------------------------------------------------------------------------------------------

    def admin(self, *queries):
        """kadmin.local reads its commands from stdin and ends with 0 whatever they did; an error is told on stderr."""
        env = dict(self.env(), KRB5_KDC_PROFILE=self.path("kdc.conf"))
        done = subprocess.run([find("kadmin.local"), "-r", self.realm], env=env, input="\n".join(queries) + "\n",
                              capture_output=True, text=True, timeout=DEADLINE_S)
        bad = [line for line in done.stderr.splitlines() if line.strip() and "No policy specified" not in line]
        if done.returncode != 0 or bad:
            raise RuntimeError("kadmin.local: " + "; ".join(bad or [done.stdout]))

    def user(self, name, password, flags=""):
        """A person's or an account's principal; its key is in NAME.keytab, too."""
        self.admin('addprinc %s -pw "%s" %s' % (flags, password, name),
                   "ktadd -norandkey -k %s %s" % (self.path(name + ".keytab"), name))

    def service(self, *names, flags="+ok_as_delegate"):
        """Services such as HTTP/host; their keys go to services.keytab."""
        for name in names:
            self.admin("addprinc %s -randkey %s" % (flags, name), "ktadd -k %s %s" % (self.keytab, name))

    def ticket(self, name, cache=None, forwardable=True, lifetime="1h"):
        """Gets a ticket by the user's keytab; returns the cache's name."""
        cache = cache or "FILE:" + self.path("ccache-" + name)
        self.tool("kinit", "-f" if forwardable else "-F", "-l", lifetime, "-k", "-t", self.path(name + ".keytab"), name,
                  cache=cache)
        return cache

    def log(self):
        """What the KDC did: one line for each ticket."""
        with open(self.path("kdc.log"), encoding="utf-8", errors="replace") as f:
            return f.read()


def main():
    p = argparse.ArgumentParser(description="a KDC in the foreground")
    p.add_argument("folder")
    p.add_argument("--realm", default="LAB.TEST")
    p.add_argument("--user", action="append", default=[], help="NAME:PASSWORD")
    p.add_argument("--service", action="append", default=[], help="HTTP/host")
    a = p.parse_args()
    if missing():
        print(missing(), file=sys.stderr)
        return 77
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Kdc(a.folder, a.realm) as kdc:
        for user in a.user:
            kdc.user(*user.split(":", 1))
        kdc.service(*a.service)
        with open(kdc.path("env.tmp"), "w", encoding="utf-8") as f:
            for name in ("KRB5_CONFIG", "KRB5_KTNAME", "KRB5CCNAME"):
                f.write("%s=%s\n" % (name, kdc.env()[name]))
        os.rename(kdc.path("env.tmp"), kdc.path("env"))
        sys.stdin.read()
    return 0


if __name__ == "__main__":
    sys.exit(main())
