#!/usr/bin/env python3
"""The workflows that build, take away and rehearse: establish, teardown and restore-drill, each played in a lab while
people chat.  How the lab stands is compared by a client that is not ours.  Speaks TAP.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from lab import Lab, Tap, difference, until  # noqa: E402

tap = Tap()
SERVES, COPIES = "north-sql1", (("north-sql2", "absent"), ("south-sql1", "absent"))


def state(lab, instance, database="mgc"):
    rows = lab.sql(instance, "SELECT state_desc FROM sys.databases WHERE name = %s", database)
    return rows[0][0] if rows else "absent"


def ran(lab, title, *words, code=0):
    done = lab.run("run", *words)
    return tap.ok(done.returncode == code, title, f"{' '.join(words)} ended with {done.returncode}\n{done.stdout[-5000:]}{done.stderr[-5000:]}")


def steps(lab):
    return {s["step"]: s for s in lab.json_of("report")["steps"]}


def acts(lab):
    """Steps of the newest run that did something: not questions, not gates, not adopted."""
    reads = ("check-store", "fingerprint", "count-rows", "check-integrity", "verify-backup")
    return [n for n, s in steps(lab).items()
            if s["state"] == "done" and not s.get("already") and s.get("action") and s["action"].split(".")[1] not in reads]


def stand(lab):
    """The alert job of log shipping is one for the server and stays: the lab begins without it."""
    return [line for line in lab.fingerprint() if "LSAlert" not in line]


def stands_as(lab, before, title):
    found = []

    def same():
        found[:] = stand(lab)
        return found == before

    try:
        until(title, same, 40)
        return tap.ok(True, title)
    except TimeoutError:
        return tap.ok(False, title, "\n".join(difference(before, found)))


def green(lab, title):
    facts = {}

    def all_green():
        facts.update(lab.json_of("check"))
        return facts["red"] == 0 and facts["unknown"] == 0

    try:
        until(title, all_green, 60)
        tap.ok(True, title)
    except TimeoutError:
        tap.ok(False, title, [c for c in facts["checks"] if c["verdict"] not in ("green", "amber")])


def chats(lab, title):
    already = len(lab.ledger())
    try:
        until(title, lambda: len(lab.ledger()) > already + 5)
        tap.ok(True, title)
    except TimeoutError as e:
        tap.ok(False, title, e)


def drill(lab, before):
    lab.sql(SERVES, "INSERT INTO mgc.dbo.tblChat (channelId, chatId, chatDate, userId, isAlert, content) VALUES (900, 1, 1, 7, 0, N'drilled')")
    if not ran(lab, "a restore drill runs while people chat", "restore-drill", "--approve", "all"):
        return
    s = steps(lab)
    result = s["restore[mgc]"]["results"]
    tap.ok(int(result["applied"]) >= 1 and int(result["lsn"]) > int(s["base[mgc]"]["results"]["lsn"]),
           "shipped logs were restored on top of a full backup", result)
    tap.ok(int(s["count[mgc]"]["results"]["rows"]) >= int(s["rows[mgc]"]["results"]["rows"]) > 0, "and no row was missing", s["count[mgc]"])
    tap.ok("holds together" in s["integrity[mgc]"]["results"]["sentence"], "every page was checked", s["integrity[mgc]"])
    tap.ok(s["restore[mgc]"]["ended_ms"] >= s["restore[mgc]"]["begun_ms"] > 0, "the time it took stands in the report")
    tap.ok(s["before[mgc]"]["results"]["digest"] == s["after[mgc]"]["results"]["digest"], "nothing else was touched, by its own word")
    stands_as(lab, before, "nor by that of another client")
    tap.ok(not lab.sql("south-sql1", "SELECT name FROM sys.databases WHERE name LIKE N'mgc[_]drill%'"), "the rehearsal was dropped")


def drill_fails(lab, before):
    """Somebody ends the integrity check of the rehearsal."""
    lab.fault("slow", "south-sql1", "DBCC CHECKDB*", "60000")
    run = lab.start("run", "restore-drill", "--approve", "all")
    ours = "SELECT s.session_id FROM sys.dm_exec_sessions s WHERE s.program_name LIKE N'switchback/%integrity%'"
    session = until("the rehearsal is being checked", lambda: lab.sql("south-sql1", ours), 60)[0][0]
    lab.sql("south-sql1", f"KILL {session}")
    tap.ok(run.wait(120) == 1, "a drill whose integrity check does not come to its end has failed")
    lab.fault("slow", "south-sql1", "DBCC CHECKDB*", "0")
    failed = [n for n, s in steps(lab).items() if s["state"] == "failed"]
    tap.ok(failed == ["integrity[mgc]"] and steps(lab)["restore[mgc]"]["state"] == "undone", "and takes the rehearsal back", failed)
    stands_as(lab, before, "and leaves nothing behind")


def is_steady(lab, title):
    if ran(lab, title, "establish", "--approve", "all"):
        tap.ok(not acts(lab), "and every step of it is true already", acts(lab))
    seen = lab.json_of("plan", "establish", "--observe")["observed"]
    doing = {n: s for n, s in seen.items() if s["seen"] not in ("-", "yes")}
    tap.ok(not doing, "a plan that looks says the same", doing)


def drifts(lab, before):
    """Somebody removes one thing, and establish does that one thing."""
    lab.sql("north-sql2", "EXEC master.dbo.sp_delete_log_shipping_primary_secondary @primary_database = N'mgc', "
            "@secondary_server = N'SOUTH-SQL1', @secondary_database = N'mgc'")
    lab.sql("south-sql1", "EXEC msdb.dbo.sp_update_job @job_name = N'LSRestore_NORTH-SQL1_mgc', @enabled = 0")
    ran(lab, "establish repairs what drifted", "establish", "--approve", "all")
    # While the roles are swapped for the dormant source a log backup may be made there; then one is shipped from the principal.
    tap.ok(sorted(set(acts(lab)) - {"ship-once[mgc]"}) == ["dormant[mgc]", "ship-secondary[mgc]"], "and does nothing but that",
           acts(lab))
    stands_as(lab, before, "then everything stands as it stood")


def torn_down(lab):
    ran(lab, "without a person a teardown does not begin", "teardown", "--approve", "start", code=4)
    lab.switchback("resume", "--abort", good=None)
    if not ran(lab, "a teardown takes everything away but what serves", "teardown", "--approve", "all"):
        return False
    tap.ok(all(state(lab, i) == s for i, s in COPIES), "the other copies are gone", [(i, state(lab, i)) for i, _ in COPIES])
    rows = lab.sql(SERVES, "SELECT COUNT(*) FROM msdb.dbo.log_shipping_primary_databases")[0][0] \
        + lab.sql("north-sql2", "SELECT COUNT(*) FROM msdb.dbo.log_shipping_primary_databases")[0][0] \
        + lab.sql("south-sql1", "SELECT COUNT(*) FROM msdb.dbo.log_shipping_secondary")[0][0]
    tap.ok(rows == 0, "so are the definitions", rows)
    tap.ok(lab.sql(SERVES, "SELECT COUNT(*) FROM sys.database_mirroring WHERE mirroring_guid IS NOT NULL")[0][0] == 0, "and the session")
    chats(lab, "people chat on")
    red = {c["fact"] for c in lab.json_of("check")["checks"] if c["verdict"] == "red"}
    tap.ok({"H4", "H6", "H7"} <= red, "check tells what is missing", red)
    return True


def established(lab, before):
    ran(lab, "establish builds everything from nothing", "establish", "--approve", "all")
    stands_as(lab, before, "then everything stands as it stood")
    chats(lab, "people chat on")
    green(lab, "every fact is green")


def main():
    wanted = sys.argv[1:]
    with Lab() as lab:
        lab.traffic(rate=10, first=10)
        before = stand(lab)
        if not wanted or "drill" in wanted:
            drill(lab, before)
            drill_fails(lab, before)
        is_steady(lab, "in the steady state establish has nothing to do")
        if not wanted or "drift" in wanted:
            drifts(lab, before)
        if (not wanted or "teardown" in wanted) and torn_down(lab):
            established(lab, before)
            is_steady(lab, "once more, it has nothing to do")
            lab.quiet()
            lost = {e["id"] for e in lab.ledger()} - lab.messages(SERVES)
            tap.ok(not lost, "no message was lost by any of it", lost)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
