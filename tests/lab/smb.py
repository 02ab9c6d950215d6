#!/usr/bin/env python3
"""A whole failover over SMB: the lab's shares stand behind a real Samba smbd that requires encryption, the primary site loses
its power under load, and the log backups reach the copy folder through the plugin smb.  A newest file whose header cannot be
read is not shipped, and told.  What was acknowledged before the point of the loss quote is there afterwards.
"""

import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import BUILD, Lab, Tap, processes_of, until  # noqa: E402

os.environ["ASAN_OPTIONS"] = "detect_leaks=0"  # the leak checker cannot walk what libsmbclient leaves at exit
PLACES = ("/usr/sbin/smbd", "/usr/bin/smbd", "/usr/local/sbin/smbd")


def shares_of(lab):
    return {s["name"]: s for s in lab.json()["shares"]}


def copied(lab):
    """Names in the folders that lie behind the copy folders."""
    return {name for root, _, names in os.walk(os.path.join(lab.dir, "disk")) for name in names if name.endswith(".trn")}


def main():
    tap = Tap()
    if not any(map(os.path.exists, PLACES)) or not os.path.exists(os.path.join(BUILD, "smb.manifest")):
        print("1..0 # SKIP no smbd, or a build without the plugin smb")
        return 0
    with Lab(options=["--smb"]) as lab:
        folder = lab.dir
        with open(lab.topology, encoding="utf-8") as f:
            text = f.read()
        tap.ok("plugin = smb" in text and "path = smb://127.0.0.1:" in text, "lab up --smb reaches the shares by SMB", text)
        found = lab.switchback("check", "--json", good=(0, 1))
        tap.ok('"share' in found, "the shares are checked", found)
        lab.traffic()
        share = next(s for s in shares_of(lab).values() if s["unc"].startswith("\\\\") and "ship" in s["name"])
        until("log backups lie on the share", lambda: os.listdir(share["path"]) if os.path.exists(share["path"]) else [])
        backup = next(i["name"] for i in lab.instances() if i["site"] != "north")
        lab.fault("agent-stop", backup)
        logs = lambda: sorted(n for n in os.listdir(share["path"]) if n.startswith("mgc_") and n.endswith(".trn"))  # noqa: E731
        mark = len(logs())
        until("two log backups that nobody copied", lambda: len(logs()) >= mark + 2)
        lab.fault("power-off", "site", "north")
        lab.quiet()
        half = logs()[-1]
        lab.fault("damage-file", backup, share["unc"] + "\\" + half)
        lab.fault("agent-start", backup)
        there = {n for n in os.listdir(share["path"]) if n.startswith("mgc_") and n.endswith(".trn")}
        taken = lab.ledger()
        done = lab.run("run", "failover", "--approve", "all")
        tap.ok(done.returncode == 0, "the failover ends well over SMB", done.stdout + done.stderr)
        tap.ok(len(there) > 1 and there - copied(lab) <= {half}, "every good log backup of the share lies in the copy folder",
               f"{sorted(there - copied(lab))}; damaged: {half}")
        steps = lab.json_of("report")["steps"]
        outcome = next(s["results"]["outcome"] for s in steps if s["step"].startswith("copy-logs["))
        quote = next(s["results"] for s in steps if s["step"].startswith("quote["))
        tap.ok(f"left out {half}" in outcome and f"Left out: {half}" in quote["sentence"], "the copy and the loss quote say that the newest, whose header is damaged, is left out",
               f"{outcome}\n{quote['sentence']}")
        lost = {m["id"] for m in taken} - lab.messages(backup)
        tap.ok(lost <= lab.after_point(quote["lsn"]), "nothing is lost that was acknowledged before the point of the quote",
               f"{quote}: {sorted(lost)}")
        tap.note(f"{len(taken)} acknowledged, {len(lost)} lost after the point")
        dead = lab.run("check")
        tap.ok("north-setup' (smb://" in dead.stdout and "nothing listens there" in dead.stdout,
               "a share of the dark site is told as one where nothing listens", dead.stdout + dead.stderr)
        hidden = [n for root, _, files in os.walk(os.path.join(lab.dir, "disk")) for n in files if n.startswith(".sb-")]
        tap.ok(not hidden, "no unfinished copy is left", hidden)
    tap.ok(not processes_of(folder), "no file server outlives the lab", processes_of(folder))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
