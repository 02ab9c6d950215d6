#!/usr/bin/env python3
"""The plugin 'mssql' logs in with a Kerberos ticket: a KDC of our own (tests/lib/kdc.py), the lab's doors, no credential in
the topology.  The ticket is for MSSQLSvc/FQDN:PORT, although the topology leads to an address.  Speaks TAP.
"""
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from kdc import Kdc, missing  # noqa: E402

SOURCE, BUILD = os.environ["SB_SRCDIR"], os.environ["SWITCHBACK_BUILD_DIR"]
LAB = os.environ.get("SWITCHBACK_LAB", BUILD + "/switchback-lab")
LIMIT = 120
count = failed = 0


def check(good, title, said=""):
    global count, failed
    count += 1
    failed += not good
    print("%sok %d - %s" % ("" if good else "not ", count, title), flush=True)
    for line in [] if good else str(said).splitlines():
        print("# " + line, flush=True)


def lab(verb, folder, *words, **how):
    done = subprocess.run([LAB, verb, "--dir", folder, *words], capture_output=True, text=True, timeout=LIMIT, check=False, **how)
    if done.returncode != 0:
        raise RuntimeError("lab %s: %s%s" % (verb, done.stdout, done.stderr))


class Plugin:
    """The plugin in a worker, in an environment with a ticket or without."""

    def __init__(self, topology, env):
        self.call = subprocess.Popen([BUILD + "/tests/mssql/call", topology], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     text=True, bufsize=1, env=env)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.call.stdin.close()
        self.call.wait(LIMIT)

    def ask(self, verb, on, op="run", **params):
        self.call.stdin.write(json.dumps({"object": "mgc", "verb": verb, "op": op, "on": on, "step": verb, "deadline": 60000,
                                          "params": params}) + "\n")
        self.call.stdin.flush()
        return json.loads(self.call.stdout.readline())


def without_credentials(folder, fqdn=True):
    """The lab's topology, whose instances name no credential."""
    with open(folder + "/topology.ini", encoding="utf-8") as f:
        parts = re.split(r"(?m)^(?=\[)", f.read())
    keys = "credential" if fqdn else "credential|fqdn"
    parts = [re.sub(r"(?m)^(%s) = .*\n" % keys, "", p) if p.startswith("[instance ") else p for p in parts]
    path = folder + ("/tickets.ini" if fqdn else "/names.ini")
    with open(path, "w", encoding="utf-8") as f:
        f.write("".join(parts))
    return path


def play(work, kdc, owner):
    folder = work + "/lab"
    how = dict(pass_fds=[owner], env=kdc.env())
    lab("up", folder, "-t", SOURCE + "/examples/stretched-pool.ini", "--owner-fd", str(owner), **how)
    lab("down", folder)  # its ports are chosen now, and stay
    with open(folder + "/lab.json", encoding="utf-8") as f:
        instances = {i["name"]: i for i in json.load(f)["instances"]}
    kdc.user("switchback", "of the realm")
    kdc.user("stranger", "also of the realm")
    kdc.service(*["MSSQLSvc/%s.example.net:%d" % (name, i["port"]) for name, i in instances.items()])
    lab("up", folder, "--keytab", kdc.keytab, "--owner-fd", str(owner), **how)
    tickets = without_credentials(folder)
    with Plugin(tickets, kdc.env(kdc.ticket("switchback"))) as plugin:
        said = plugin.ask("observe", "north-sql1")
        check(said["results"].get("state") == "ONLINE" and said["results"].get("role") == "PRINCIPAL",
              "with a ticket the plugin observes, over TLS with its certificate checked", said)
        file = "\\\\north-fs\\setup\\by ticket.bak"
        said = plugin.ask("backup-full", "north-sql1", file=file), plugin.ask("backup-full", "north-sql1", "verify", file=file)
        check(said[0]["rc"] == "ok" and said[1]["seen"] == "yes", "and acts: the ticket is that of an administrator", said)
        said = plugin.ask("observe", "south-sql1")
        check(said["results"].get("state") == "RESTORING", "another instance gets another ticket", said)
    with Plugin(tickets, kdc.env(kdc.ticket("stranger"))) as plugin:
        said = plugin.ask("observe", "north-sql1")
        check(said["results"].get("state") != "ONLINE" and "Kerberos" in said["results"].get("sentence", "") + said["sentence"],
              "the ticket of somebody whom the server does not know is refused, and the plugin says so", said)
    with Plugin(tickets, kdc.env()) as plugin:
        said = plugin.ask("backup-full", "north-sql1", file="\\\\north-fs\\setup\\nobody.bak")
        check(said["rc"] != "ok" and "MSSQLSvc/north-sql1.example.net:%d" % instances["north-sql1"]["port"] in said["sentence"],
              "without a ticket nothing is done, and the one that is needed is named", said)
    with Plugin(without_credentials(folder, False), kdc.env(kdc.ticket("switchback"))) as plugin:
        said = plugin.ask("observe", "north-sql1")
        check(said["results"].get("state") != "ONLINE", "without the FQDN the ticket would be for the address, which has none", said)


def main():
    if missing():
        print("1..0 # SKIP " + missing())
        return 0
    with tempfile.TemporaryDirectory(prefix="sb-kerberos-") as work:
        os.mkdir(work + "/kdc")
        reading, writing = os.pipe()
        kdc = Kdc(work + "/kdc")
        try:
            play(work, kdc, reading)
        finally:
            subprocess.run([LAB, "down", "--dir", work + "/lab"], capture_output=True, timeout=LIMIT, check=False)
            os.close(reading)
            os.close(writing)
            kdc.stop()
    print("1..%d" % count)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
