#!/usr/bin/env python3
"""Planned switches, while people chat: the mirror becomes principal and the primary again, with and without the old
principal; the pool moves to the other site and comes home.  Nothing that was acknowledged may be lost, counted with a
TDS client that is not ours; a switchover that is not carried through leaves everything as it was.
"""

import json
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import SOURCE, Lab, Tap, difference, until  # noqa: E402

GAP = 15  # seconds in which nobody could chat while the mirror took over; the lab's machine may be busy
tap = Tap()


def world(lab):
    return json.loads(lab.lab_does("status", "--json"))


def principal(lab, instance):
    rows = lab.sql(instance, "SELECT m.mirroring_role_desc, m.mirroring_state_desc FROM sys.database_mirroring m "
                   "JOIN sys.databases d ON d.database_id = m.database_id WHERE d.name = 'mgc'")
    return bool(rows) and rows[0][0] == "PRINCIPAL"


def state(lab, instance):
    rows = lab.sql(instance, "SELECT state_desc FROM sys.databases WHERE name = 'mgc'")
    return rows[0][0] if rows else "absent"


def chat_goes_on(lab, instance, seconds=30):
    """Somebody's message is acknowledged by this instance from now on."""
    now = time.time() * 1000
    until(f"messages are acknowledged at {instance}",
          lambda: any(e["acked_ms"] > now and e["instance"] == instance for e in lab.ledger()), seconds)


def lost(lab, instance):
    """Acknowledged messages that the copy does not hold.  The ledger is read first: what comes later does not count."""
    acknowledged = {e["id"] for e in lab.ledger()}
    return acknowledged - lab.messages(instance)


def longest_gap(lab, since_ms):
    times = [e["acked_ms"] for e in lab.ledger() if e["acked_ms"] >= since_ms]
    return max((b - a for a, b in zip(times, times[1:])), default=0) / 1000


def all_green(lab):
    facts = json.loads(lab.switchback("check", "--wait", "40s", "--json", good=None))
    return facts["red"] + facts["unknown"] == 0, [r for r in facts["checks"] if r["verdict"] not in ("green", "amber")]


def stands_as(lab, before, title):
    """The fingerprint comes to be this one, within the time that replication takes."""
    found = []

    def same():
        found[:] = lab.fingerprint()
        return found == before

    try:
        until(title, same, 30)
        tap.ok(True, title)
    except TimeoutError:
        tap.ok(False, title, "\n".join(difference(before, found)))


def ran(lab, title, *words, code=0):
    done = lab.run("run", *words)
    return tap.ok(done.returncode == code, title, f"{' '.join(words)} ended with {done.returncode}\n{done.stdout[-6000:]}{done.stderr[-3000:]}")


# ---- inside the site

def there_and_back(lab, before):
    began, pool = time.time() * 1000, (world(lab)["pool state"], world(lab)["active"])
    ran(lab, "mirror-failover makes the mirror principal", "mirror-failover", "--approve", "start")
    chat_goes_on(lab, "north-sql2")
    tap.ok(principal(lab, "north-sql2") and not principal(lab, "north-sql1"), "the roles have changed")
    tap.ok((world(lab)["pool state"], world(lab)["active"]) == pool, "pool state and active list are as they were")
    report = lab.json_of("report")
    shipped = [s for s in report["steps"] if s["step"].startswith("ship-from-mirror")]
    tap.ok(len(shipped) == 1 and shipped[0]["results"]["file"], "a log backup of the new principal arrived in the other site", shipped)
    ran(lab, "and back again", "mirror-failover", "-p", "to=primary", "--approve", "start")
    chat_goes_on(lab, "north-sql1")
    gap = longest_gap(lab, began)
    tap.ok(gap < GAP, f"nobody had to wait longer than {GAP} s", f"{gap:.1f} s")
    gone = lost(lab, "north-sql1")
    tap.ok(not gone, "no acknowledged message was lost on the way", gone)
    stands_as(lab, before, "there and back again leaves everything as it was")


# ---- a switchover that is not carried through

def refused(lab, before):
    ran(lab, "where nobody can be asked, a switchover is refused before the point of no return", "switchover", "--approve", "start", code=1)
    tap.ok(any(s["step"] == "freeze[mgc]" and s["state"] == "undone" for s in lab.json_of("report")["steps"]),
           "it had come as far as the frozen copy, and took that back", [(s["step"], s["state"]) for s in lab.json_of("report")["steps"]])
    stands_as(lab, before, "a refused switchover leaves everything as it was")
    chat_goes_on(lab, "north-sql1")


def broken(lab, before):
    lab.fault("slow", "north-sql1", "PARTNER OFF", "2500")
    process = lab.start("run", "switchover", "--approve", "all")
    until("the active list is cleared", lambda: not world(lab)["active"], 90)
    lab.fault("disk-full", "share", "shiplogs")
    code = process.wait(120)
    lab.fault("disk-room", "share", "shiplogs")
    lab.fault("slow", "north-sql1", "PARTNER OFF", "0")
    tap.ok(code == 1, "a switchover whose freezing fails ends as failed", f"it ended with {code}")
    stands_as(lab, before, "and leaves everything as it was")
    chat_goes_on(lab, "north-sql1")
    gone = lost(lab, "north-sql1")
    tap.ok(not gone, "no acknowledged message was lost by the attempts", gone)


# ---- there and home

def switched(lab):
    if not ran(lab, "a switchover brings the pool to the other site", "switchover", "--approve", "all"):
        return
    chat_goes_on(lab, "south-sql1")
    gone = lost(lab, "south-sql1")
    tap.ok(not gone, "no acknowledged message was lost", gone)
    w = world(lab)
    tap.ok(w["pool state"] == "FailedOver" and w["central store"] == "south" and sorted(w["active"]) == ["pchat05", "pchat06", "pchat07", "pchat08"],
           "pool state, active list and central store have moved", {k: w[k] for k in ("pool state", "central store", "active")})
    tap.ok((state(lab, "north-sql1"), state(lab, "north-sql2")) == ("RESTORING", "RESTORING"), "the copies that were left are restoring, and cannot serve")
    tap.ok(principal(lab, "south-sql1"), "the live copy has a mirror of its own")


def home(lab):
    ran(lab, "failback brings it home", "failback", "--approve", "all")
    chat_goes_on(lab, "north-sql1")
    lab.quiet()
    gone = lost(lab, "north-sql1")
    tap.ok(not gone, "no acknowledged message was lost", gone)
    tap.ok(not lab.salvaged(), "there was nothing to salvage")
    tap.ok(any(e["instance"] == "south-sql1" for e in lab.ledger()), "people did chat in the other site")
    tap.ok(*((lambda g: (g[0], "every fact is green", g[1]))(all_green(lab))))


def two_sites():
    with Lab() as lab:
        lab.traffic(rate=20, first=40)
        tap.ok(*((lambda g: (g[0], "every fact is green before", g[1]))(all_green(lab))))
        before = lab.fingerprint()
        there_and_back(lab, before)
        refused(lab, before)
        broken(lab, before)
        switched(lab)
        home(lab)


# ---- the principal is gone, and no witness switches

def forced():
    with Lab(os.path.join(SOURCE, "examples/no-witness.ini")) as lab:
        lab.traffic(rate=20, first=40)
        before = lab.fingerprint()
        lab.fault("power-off", "instance", "east-sql1")
        held = lab.run("run", "mirror-failover", "--approve", "start")
        tap.ok(held.returncode != 0 and not principal(lab, "east-sql2") and "must be forced" in held.stdout + held.stderr,
               "without a word about the risk, service is not forced", f"{held.returncode}\n{held.stdout}{held.stderr}")
        done = lab.run("resume", "--approve", "force")
        tap.ok(done.returncode == 0, "with it, it is", f"{done.returncode}\n{done.stdout}{done.stderr}")
        chat_goes_on(lab, "east-sql2")
        gone = lost(lab, "east-sql2")
        tap.ok(not gone, "a synchronized session lost nothing", gone)
        lab.fault("power-on", "instance", "east-sql1")
        until("the old principal is mirror", lambda: state(lab, "east-sql1") == "RESTORING" and not principal(lab, "east-sql1"), 30)
        held = lab.run("run", "mirror-failover", "-p", "to=primary", "--approve", "start")
        tap.ok(held.returncode != 0 and principal(lab, "east-sql2") and "suspended" in held.stdout + held.stderr,
               "a suspended session is not resumed without asking", f"{held.returncode}\n{held.stdout}{held.stderr}")
        done = lab.run("resume", "--approve", "all")
        tap.ok(done.returncode == 0, "with a yes it is, and the roles go back", f"{done.returncode}\n{done.stdout}{done.stderr}")
        chat_goes_on(lab, "east-sql1")
        gone = lost(lab, "east-sql1")
        tap.ok(not gone, "no acknowledged message was lost", gone)
        stands_as(lab, before, "everything is as it was")


for story in (two_sites, forced):
    try:
        story()
    except Exception as e:  # a story that breaks off is one failure; the other is told
        tap.ok(False, f"the story '{story.__name__}' is told to its end", f"{type(e).__name__}: {e}")
sys.exit(tap.done())
