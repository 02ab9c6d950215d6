"""A file server of our own, for tests: Samba's smbd on a free high port of the loopback address.

It knows the settings that keep a server in one folder and on one port, as root and as an ordinary user, and makes one account.
It promises that nothing outlives the object: smbd and the processes it makes are a group of their own, killed with SIGKILL.

As a module:

    with Smbd(folder, {"ship": {"path": path}, "locked": {"path": path, "read only": "yes"}}) as server:
        server.port, server.user, server.password

As a program, for tests in other languages (it stays in the foreground until its stdin is closed or it is terminated):

    smbd.py FOLDER [--set KEY=VALUE]... [--file-limit BYTES] SHARE=PATH[,KEY=VALUE]...

prints "PORT USER PASSWORD PGID" when the server answers; each line on its stdin then does something: "kill" ends the server at
once, "start" starts it again on the same port, "set KEY=VALUE" does both with another setting.  Exit code 77: the programs are not installed.
"""

import argparse
import ctypes
import os
import pwd
import resource
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time

PLACES = os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin"
PROGRAMS = ("smbd", "pdbedit")
DEADLINE_S = 60
PR_SET_PDEATHSIG = 1

CONF = """[global]
  server role = standalone server
  workgroup = LAB
  netbios name = LABFS
  smb ports = {port}
  interfaces = 127.0.0.1
  bind interfaces only = yes
  disable netbios = yes
  load printers = no
  printcap name = /dev/null
  disable spoolss = yes
  lock directory = {base}/lock
  state directory = {base}/state
  cache directory = {base}/cache
  private dir = {base}/priv
  pid directory = {base}/lock
  ncalrpc dir = {base}/ncalrpc
  log file = {base}/log/%m
  passdb backend = tdbsam:{base}/priv/passdb.tdb
  map to guest = Never
  server min protocol = SMB2_10
  unix charset = UTF-8
  dos charset = ASCII
  log level = 1
"""


class SmbdMissing(Exception):
    """The programs of a file server are not installed; a test may be skipped with this as its reason."""


def find(name):
    return shutil.which(name, path=PLACES)


def missing():
    """What is not installed, in words; None: all is there."""
    absent = [p for p in PROGRAMS if not find(p)]
    return "no " + ", ".join(absent) + " (samba)" if absent else None


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Smbd:
    """A server.  `folder` must be there; `shares` is {name: {key: value}} with at least a path each."""

    def __init__(self, folder, shares, settings=None, file_limit=None, env=None):
        if missing():
            raise SmbdMissing(missing())
        self.base = os.path.abspath(folder)
        self.user = pwd.getpwuid(os.getuid()).pw_name
        self.password = secrets.token_hex(12)
        self.file_limit = file_limit
        self.env = dict(env or os.environ, LC_ALL="C")
        self.process = None
        self.port = free_port()
        for name in ("lock", "state", "cache", "priv", "ncalrpc", "log"):
            os.makedirs(os.path.join(self.base, name), mode=0o755, exist_ok=True)
        self.conf = os.path.join(self.base, "smb.conf")
        self.shares, self.settings = shares, dict(settings or {})
        self.write()
        twice = f"{self.password}\n{self.password}\n"
        done = subprocess.run([find("pdbedit"), "-s", self.conf, "-t", "-a", "-u", self.user], input=twice, text=True,
                              capture_output=True, timeout=DEADLINE_S, check=False, env=self.env)
        if done.returncode != 0:
            raise RuntimeError(f"pdbedit ended with {done.returncode}: {done.stdout}{done.stderr}")
        self.start()

    def write(self):
        with open(self.conf, "w", encoding="utf-8") as f:
            f.write(CONF.format(port=self.port, base=self.base))
            for key, value in self.settings.items():
                f.write(f"  {key} = {value}\n")
            for name, keys in self.shares.items():
                f.write(f"[{name}]\n  force user = {self.user}\n")
                for key, value in {"read only": "no", **keys}.items():
                    f.write(f"  {key} = {value}\n")

    def prepare(self):
        """In the child, before it becomes smbd."""
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        os.setpgid(0, 0)
        if self.file_limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (self.file_limit, self.file_limit))

    def answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return True
        except OSError:
            return False

    def start(self):
        with open(os.path.join(self.base, "log", "smbd"), "a", encoding="utf-8") as log:
            self.process = subprocess.Popen([find("smbd"), "-F", "--no-process-group", "-s", self.conf, "--debug-stdout"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                                            preexec_fn=self.prepare)
        deadline = time.monotonic() + DEADLINE_S
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"smbd does not start; see {self.base}/log/smbd")
            time.sleep(0.02)

    def kill(self):
        """At once, with all connections."""
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def keys_of(text, parts):
    """"KEY=VALUE" pairs as a dictionary."""
    found = dict(p.split("=", 1) for p in parts if "=" in p)
    if len(found) != len(parts):
        sys.exit(f"smbd.py: not KEY=VALUE: {text}")
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--file-limit", type=int)
    parser.add_argument("shares", nargs="+")
    args = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    shares = {}
    for share in args.shares:
        name, rest = share.split("=", 1)
        path, *keys = rest.split(",")
        shares[name] = {"path": path, **keys_of(share, keys)}
    try:
        server = Smbd(args.folder, shares, keys_of("--set", args.set), args.file_limit)
    except SmbdMissing as why:
        print(why, file=sys.stderr)
        return 77
    with server:
        print(server.port, server.user, server.password, server.process.pid, flush=True)
        for line in sys.stdin:
            if line.strip() == "kill":
                server.kill()
            elif line.strip() == "start":
                server.start()
            elif line.startswith("set "):
                server.kill()
                server.settings.update(keys_of(line, [line[4:].strip()]))
                server.write()
                server.start()
            print("done", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
