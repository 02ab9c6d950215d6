#!/usr/bin/env python3
"""One failover with every edge real at once: log backups over SMB from a Samba smbd that requires encryption, shares and pool
control (WinRM) with Kerberos tickets of a KDC alone, e-mail over SMTP with STARTTLS; then what the mail box got is compared with what
the journal says happened, event by event.  Speaks TAP.
"""

import collections
import json
import os
import re
import shutil
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]
import kdc as realm  # noqa: E402
import smbd as files  # noqa: E402
from lab import BUILD, SOURCE, Lab, Tap, until  # noqa: E402
from told import WANTED, both, expected, last_run, mails, message_id, rows, step_of  # noqa: E402

# The leak checker cannot walk what libsmbclient leaves at exit; and something is preloaded.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0:verify_asan_link_order=0"
NAMES = os.path.join(BUILD, "tests/lib/.libs/names.so")  # file servers have names that stand in no hosts file
FRONT_ENDS = ("HTTP/fe-north.example.net", "HTTP/fe-south.example.net")
FILE_SERVERS = {site: f"{site}-fs.example.net" for site in ("north", "south")}
BOX = "on-duty"


def topology(folder):
    """The packaged one; front ends and file servers take tickets, and the mail box is told everything."""
    with open(os.path.join(SOURCE, "examples/stretched-pool.ini"), encoding="utf-8") as f:
        text = f.read()
    for pattern, new in ((r"user = EXAMPLE\\switchback\nsecret = file:lync-admin\.secret",
                          "method = kerberos\nuser = svc@LAB.TEST\nkeytab = file:svc.keytab"),
                         (r"(to = on-duty@example\.net\nevents = ).*", r"\1" + ", ".join(sorted(WANTED - {"drill"}) + ["gate"]))):
        text, n = re.subn(pattern, new, text)
        assert n == 1, pattern
    for share, site in (("shiplogs", "south"), ("south-copy", "south"), ("north-setup", "north"), ("south-setup", "south")):
        head, _, rest = text.partition(f"[share {share}]\n")
        rest = re.sub("plugin = share", "plugin = smb\ncredential = files", rest, count=1)
        text = head + f"[share {share}]\n" + re.sub("path = .*", f"path = smb://{FILE_SERVERS[site]}/{share}", rest, count=1)
    text += "\n[credential files]\nmethod = kerberos\nuser = files@LAB.TEST\nkeytab = file:files.keytab\n"
    path = os.path.join(folder, "edges.ini")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def story(tap, lab, kdc):
    """The night: traffic, power off in north, failover."""
    with open(lab.topology, encoding="utf-8") as f:
        text = f.read()
    by_name = sum(text.count(f"path = smb://{host}:") for host in FILE_SERVERS.values())
    tap.ok(by_name == 4 and "plugin = share" not in text and "lync-admin.secret" not in text and "credential = lab-files" not in text
           and "encryption" not in text and "starttls" not in text,
           "shares are SMB's, they and front ends have no password, and nothing of the protection is turned off", text)
    lab.traffic()
    share = next(s for s in lab.json()["shares"] if "ship" in s["name"])
    logs = lambda: {n for n in os.listdir(share["path"]) if n.startswith("mgc_") and n.endswith(".trn")}  # noqa: E731
    until("log backups lie on the share", logs)
    backup = next(i["name"] for i in lab.instances() if i["site"] != "north")
    lab.fault("agent-stop", backup)
    mark = len(logs())
    until("two log backups that nobody copied", lambda: len(logs()) >= mark + 2)
    lab.fault("power-off", "site", "north")
    lab.quiet()
    lab.fault("agent-start", backup)
    there, taken = logs(), lab.ledger()
    services = (FRONT_ENDS[1], "cifs/" + FILE_SERVERS["south"])
    before = [kdc.log().count(s) for s in services]
    done = lab.run("run", "failover", "--approve", "all")
    tap.ok(done.returncode == 0, "the pool fails over", done.stdout + done.stderr)
    tap.ok(all(kdc.log().count(s) > n for s, n in zip(services, before)), "the KDC gave the tickets for front end and file server",
           kdc.log()[-2000:])
    copied = {n for _, _, names in os.walk(os.path.join(lab.dir, "disk")) for n in names}
    world = json.loads(lab.lab_does("status", "--json"))
    tap.ok(world["pool state"] == "FailedOver" and world["central store"] == "south", "pool and central store are the other site's", world)
    steps = lab.json_of("report")["steps"]
    quote = next(s["results"] for s in steps if s["step"].startswith("quote["))
    outcome = next(s["results"]["outcome"] for s in steps if s["step"].startswith("copy-logs["))
    tap.ok(len(there & copied) > 1 and all(f"left out {n}" in outcome for n in there - copied),
           "every log backup that lay on the share lies in the copy folder, or the copy tells that it is none", f"{there - copied}\n{outcome}")
    lost = {m["id"] for m in taken} - lab.messages(backup)
    tap.ok(taken and lost <= lab.after_point(quote["lsn"]), "nothing is lost that was acknowledged before the point of the quote",
           f"{quote}: {sorted(lost)}")


def trail(tap, lab):
    """The mail box beside the journal."""
    run = last_run(lab)
    notes = {message_id(key, "example.net"): (key, event, subject, state, receipt) for key, event, subject, state, receipt in rows(
        lab, "SELECT key, event, subject, state, receipt FROM notes WHERE run = ? AND channel = ?", run, BOX)}
    box = mails(lab)
    strange = [m["Message-ID"] for m in box if m["Message-ID"] not in notes]
    tap.ok(box and not strange, "every mail is a message of the journal", strange)
    twice = [i for i, n in collections.Counter(m["Message-ID"] for m in box).items() if n > 1]
    missing = [n[0] for i, n in notes.items() if i not in {m["Message-ID"] for m in box}]
    tap.ok(notes and not twice and not missing, "every message of the journal came, once", f"twice: {twice}\nnot: {missing}")
    got = collections.Counter((m["X-Switchback-Event"], step_of(notes[m["Message-ID"]][0])) for m in box if m["Message-ID"] in notes)
    want = expected(lab, run, WANTED)
    tap.ok(got == want and {"run", "step", "loss"} <= {e for e, _ in got}, "the mail box was told each event of the journal, and nothing else",
           both(want, got))
    other = [m["Subject"] for m in box if m["Message-ID"] in notes and m["Subject"].split() != notes[m["Message-ID"]][2].split()]
    tap.ok(not other, "with the subject that the journal keeps", other)
    unsent = [n for n in notes.values() if n[3] != "sent" or not n[4]]
    tap.ok(not unsent, "and the journal keeps the server's receipt of each", unsent)
    tap.note(f"{len(box)} mails, {dict(collections.Counter(e for e, _ in got.elements()))}")


def main():
    tap, folder = Tap(), tempfile.mkdtemp(prefix="sb-edges-")
    why = realm.missing() or files.missing() or (None if os.path.exists(os.path.join(BUILD, "smb.manifest")) else "no plugin smb")
    try:
        if why:
            print("1..0 # SKIP " + why)
            return 0
        with realm.Kdc(folder) as kdc:
            kdc.user("svc", "pass word-7")
            kdc.user("files", "pass word-8")
            kdc.service(*FRONT_ENDS, *("cifs/" + host for host in FILE_SERVERS.values()))
            os.environ.update(kdc.env(), LD_PRELOAD=NAMES, SB_LOCAL_NAMES="-fs.example.net")
            with Lab(topology(folder), options=["--smb", "--keytab", kdc.keytab]) as lab:
                story(tap, lab, kdc)
                trail(tap, lab)
        return tap.done()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
