#!/usr/bin/env python3
"""Many databases in one failover: all of them lose their site, and all of them come up in the other one, each at the LSN
that was quoted for it.  `many.py N PAIRS` for other numbers (default 24 databases on 4 pairs of instances; `make
check-long` plays 1000 on 20).  The lab's chat servers use one store, so the packaged workflow is played without the step
that waits for their pings in each database.  Speaks TAP.
"""

import os
import re
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
import lab as shared  # noqa: E402
from lab import SOURCE, Lab, Tap  # noqa: E402

tap = Tap()


def topology(count, pairs):
    text = ["[pool many]\nfqdn = many.example.org\ncontrol = f2, f1\nprimary site = a\nbackup site = b\ntool site = b",
            "[policy]\nunattended = yes\ndark after = 2s\nlanes = 8\n[site a]\nfence = p\n[site b]\n[fence p]\nplugin = command\nprogram = /usr/local/sbin/p"]
    text += [f"[instance {s}{i}]\nsite = {s}\ncredential = c" for i in range(pairs) for s in "ab"]
    text += [f"[database d{d:04}]\nprimary = a{d % pairs}\nbackup = b{d % pairs}\nlog share = logs\ncopy folder = copies\n"
             "backup every = 1h\ncopy every = 1h\nrestore every = 1h" for d in range(count)]
    text.append("[server p1]\nsite = a\nactive = yes\n[server p2]\nsite = b")
    text += [f"[frontend f{n}]\nsite = {s}\nurl = https://f{n}.example.org:5986/wsman\ncredential = c" for n, s in ((1, "a"), (2, "b"))]
    text.append("[share logs]\nsite = b\npath = /mnt/logs\nunc = \\\\f2\\logs\n[share copies]\npath = /mnt/copies\nunc = D:\\copies\n"
                "[credential c]\nuser = u\nsecret = file:c.secret")
    return "\n".join(text) + "\n"


def workflows(folder):
    with open(os.path.join(SOURCE, "workflows", "failover.ini"), encoding="utf-8") as f:
        text = f.read()
    text = re.sub(r"(?s); [^\n]*\n\[step await-servers\].*?\n\n", "", text)
    text = text.replace("after = await-servers", "after = replicate-active")
    with open(os.path.join(folder, "failover.ini"), "w", encoding="utf-8") as f:
        f.write(text)


def main():
    count, pairs = (int(sys.argv[1]), int(sys.argv[2])) if len(sys.argv) > 2 else (24, 4)
    shared.LIMIT = max(shared.LIMIT, count * 3)
    with tempfile.TemporaryDirectory(prefix="sb-many-") as folder:
        file = os.path.join(folder, "many.ini")
        with open(file, "w", encoding="utf-8") as f:
            f.write(topology(count, pairs))
        workflows(folder)
        with Lab(file) as lab:
            lab.fault("power-off", "site", "a")
            begun = time.monotonic()
            done = lab.run("run", "failover", "--workflows", folder, "--approve", "all")
            took = time.monotonic() - begun
            tap.ok(done.returncode == 0, f"{count} databases are failed over in one run", done.stdout[-3000:] + done.stderr[-3000:])
            tap.note(f"{count} databases on {pairs} instances took {took:.1f} s, {count / took:.1f} a second")
            online = sum(lab.sql(f"b{i}", "SELECT COUNT(*) FROM sys.databases WHERE database_id > 4 AND state_desc = 'ONLINE'")[0][0]
                         for i in range(pairs))
            tap.ok(online == count, "every one of them is online", online)
            steps = {s["step"]: s for s in lab.json_of("report")["steps"]}
            wrong = [n for n in range(count) if steps[f"recover[d{n:04}]"]["results"]["lsn"] != steps[f"quote[d{n:04}]"]["results"]["lsn"]]
            tap.ok(not wrong, "each at the LSN that was quoted for it", wrong)
            kept = sum(lab.sql(f"b{i}", "SELECT COUNT(*) FROM msdb.dbo.log_shipping_primary_databases")[0][0] for i in range(pairs))
            tap.ok(kept == count, "and each with its log backups running again", kept)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
