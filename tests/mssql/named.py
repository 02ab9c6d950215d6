#!/usr/bin/env python3
"""Named instances: the lab's SQL Browser tells clients where they listen.  Asked by pymssql (FreeTDS's own resolver),
impacket and by hand; then by the plugin 'mssql' and by the probe of a site.  Speaks TAP.
"""
import os
import socket
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as shared  # noqa: E402
from lab import Lab, brief, check, eventually, pymssql  # noqa: E402

TOPOLOGY = """[pool p]
fqdn = p.example.org
control = f1
primary site = a
backup site = b
tool site = b
[policy]
unattended = yes
[site a]
fence = f
[site b]
[fence f]
plugin = command
program = /usr/local/sbin/p
[credential c]
user = u
secret = file:c.secret
[server s1]
site = a
[frontend f1]
site = b
url = https://f1.example.org:5986/wsman
credential = c
[share logs]
site = b
path = /mnt/logs
unc = \\\\fs\\logs
[instance one]
site = a
host = sql-a.example.org
instance name = RTC
credential = c
[instance two]
site = a
host = sql-a.example.org
instance name = LYNC
endpoint port = 5023
credential = c
[instance far]
site = b
host = sql-b.example.org
instance name = RTC
credential = c
[instance fixed]
site = b
host = sql-b.example.org
instance name = FIXED
port = 14330
endpoint port = 5024
credential = c
[database d1]
primary = one
fail over = no
[database d2]
primary = two
fail over = no
[database d3]
primary = far
fail over = no
[database d4]
primary = fixed
fail over = no
"""
NAMES = {"one": "RTC", "two": "LYNC", "far": "RTC"}


def by_name(instance, name=None):
    """A client that knows the machine and the name alone."""
    i = lab.instances[instance]
    with pymssql.connect(server=i["host"] + "\\" + (name or NAMES[instance]), user=i["user"], password=i["password"],
                         login_timeout=30) as c:
        cursor = c.cursor()
        cursor.execute("SELECT CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)), DB_ID('d1'), DB_ID('d2'), DB_ID('d3')")
        return cursor.fetchone()


def asked(address, request, seconds=30):
    """What comes back; b"" when nothing does.  A datagram may be lost: asked again, unless silence is expected."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((address, 1434))
        s.settimeout(seconds)
        try:
            s.send(request)
            return s.recv(70000)
        except OSError:
            return b""


def refused(address, request):
    """No answer to it, although one comes to what is asked afterwards over the same socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((address, 1434))
        s.settimeout(30)
        s.send(request)
        s.send(b"\x03")
        return s.recv(70000).count(b"InstanceName") > 1


def main():
    global lab
    with tempfile.NamedTemporaryFile("w", suffix=".ini", encoding="utf-8") as file:
        file.write(TOPOLOGY)
        file.flush()
        lab = shared.lab = Lab(file.name)
        try:
            play()
        finally:
            lab.end()
    print("1..%d" % shared.number)
    return 1 if shared.failed else 0


def play():
    here, there = lab.instances["one"]["host"], lab.instances["far"]["host"]
    check(here == lab.instances["two"]["host"] and here != there and here != "127.0.0.1",
          "a machine has one address, and two machines have two", lab.instances)
    check(lab.instances["fixed"]["host"] == "127.0.0.1", "an instance with a port of its own needs no Browser")
    seen = {name: by_name(name) for name in NAMES}
    check([seen[n][0] for n in NAMES] == ["SQL-A\\RTC", "SQL-A\\LYNC", "SQL-B\\RTC"],
          "pymssql finds each instance by machine and name", seen)
    check(seen["one"][1] and seen["two"][2] and seen["far"][3] and not seen["one"][2], "and there its own databases", seen)
    port = lab.instances["two"]["port"]
    said = asked(here, b"\x04lync\0")
    check(said[:1] == b"\x05" and int.from_bytes(said[1:3], "little") == len(said) - 3 and b";tcp;%d;;" % port in said
          and b"ServerName;SQL-A;InstanceName;LYNC;IsClustered;No;Version;16." in said, "the answer about one has the form of MC-SQLR", said)
    both = asked(here, b"\x03")
    check(both.count(b"InstanceName;") == 2 and b";RTC;" in both and b";LYNC;" in both, "all instances of a machine are listed", both)
    check(all(refused(here, q) for q in (b"\x04nobody\0", b"\x0f\x01RTC\0", b"\x04" + b"A" * 33 + b"\0", b"\xff" * 100)),
          "who is not there is not told of, nor is nonsense answered")
    try:
        from impacket import tds
        listed = {i["InstanceName"]: i for i in tds.MSSQL(here).getInstances(30)}
        check(set(listed) == {"RTC", "LYNC"} and listed["LYNC"]["tcp"] == str(port), "impacket lists them too", listed)
    except ImportError:
        check(True, "impacket lists them too # SKIP it is not installed")
    for name, db in (("one", "d1"), ("two", "d2"), ("far", "d3"), ("fixed", "d4")):
        o = lab.ask("observe", name, db=db)
        check(o["results"].get("state") == "ONLINE", "the plugin finds '%s'" % name, brief(o))
    lab.fault("power-off", "instance", "two")
    check(asked(here, b"\x04LYNC\0") != b"", "Browser tells of an instance that is stopped")
    o = lab.ask("observe", "two", db="d2")
    check(o["results"].get("answers") == "no", "which then does not answer", brief(o))
    lab.fault("power-off", "site", "a")
    check(eventually(lambda: asked(here, b"\x03", 2) == b""), "a machine without power tells nothing")
    o = lab.ask("observe", "one", db="d1")
    check(o["results"].get("answers") == "no" and "SQL Browser" in o["results"].get("sentence", ""),
          "and the plugin says that SQL Browser does not answer", brief(o))
    lab.fault("power-on", "site", "a")
    check(eventually(lambda: lab.ask("observe", "one", db="d1")["results"].get("state") == "ONLINE", 60), "with power it is found again")


if __name__ == "__main__":
    sys.exit(main())
