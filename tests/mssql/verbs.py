#!/usr/bin/env python3
"""The verbs that the stories of tests/mssql/lab.py do not use, run and verified twice each in a lab; and a client that is
killed in the middle of a long statement.  Speaks TAP.
"""

import importlib.util
import os
import signal
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SPEC = importlib.util.spec_from_file_location("stories", os.path.join(HERE, "lab.py"))
S = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(S)
B, BM, M, P, W, SETUP_N, SETUP_S, SHARE = S.B, S.BM, S.M, S.P, S.W, S.SETUP_N, S.SETUP_S, S.SHARE
check, settles, again, refuses, brief, eventually = S.check, S.settles, S.again, S.refuses, S.brief, S.eventually


def ask(verb, on=None, op="run", **params):
    return S.lab.ask(verb, on, op, **params)


def value(instance, text):
    return S.lab.sql(instance, text)[0][0]


def sessions_changed():
    settles("a witness is taken away", "remove-witness", P)
    again("taking it away again changes nothing", "remove-witness", P)
    settles("and given back", "set-witness", P, witness=W)
    again("giving it again changes nothing", "set-witness", P, witness=W)
    refuses("a session is not changed at its mirror", "changed at its principal", "set-witness", M, witness=W)
    S.lab.sql(P, "ALTER DATABASE mgc SET PARTNER SUSPEND")
    settles("a suspended session is resumed", "resume-mirror", P)
    again("resuming it again changes nothing", "resume-mirror", P)
    refuses("a copy without a session has none to resume", "changed at its principal", "resume-mirror", B)
    settles("an endpoint is made and started", "start-endpoint", BM, seen=None)
    again("starting it again changes nothing", "start-endpoint", BM)
    settles("and stopped", "stop-endpoint", BM)
    again("stopping it again changes nothing", "stop-endpoint", BM)
    settles("and started again", "start-endpoint", BM)


def files():
    run, see = settles("a copy-only log backup is taken", "backup-log", P, file=SETUP_N + "some log.trn", copy_only="yes")
    check(run == see and int(run["lsn"]) > int(run["first lsn"]), "verify tells the same as run", (run, see))
    answer = ask("backup-log", P, "verify", file=SETUP_N + "some log.trn")
    check(answer["seen"] == "no", "one that leaves a hole in the chain is not taken for one that does not", brief(answer))
    answer = ask("verify-backup", P, file=SETUP_N + "some log.trn")
    check(answer["results"]["kind"] == "log" and int(answer["results"]["bytes"]) > 0, "a backup is read whole and described", brief(answer))
    S.lab.fault("truncate-file", P, SETUP_N + "some log.trn")
    refuses("a backup that is cut off is refused", "cannot be used", "verify-backup", P, file=SETUP_N + "some log.trn")
    refuses("a file that is not there is refused", "cannot be used", "verify-backup", P, file=SETUP_N + "nothing.bak")
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    settles("a job is run, and waited for", "run-job", P, seen="no", job="LSBackup_mgc", since=now)
    answer = ask("run-job", P, job="no such job", since=now)
    check(answer["rc"] == "fail" and "has no job" in answer["sentence"], "a job that is not there is named", brief(answer))


def properties():
    run, _ = settles("everybody but administrators is shut out", "set-access", P, access="restricted")
    check(run["was"] == "multi", "and what it was is told, to be taken back", run)
    settles("and let in again", "set-access", P, access="multi")
    again("letting them in again changes nothing", "set-access", P, access="multi")
    refuses("a mirror lets nobody in", "only where it serves", "set-access", M, access="multi")
    settles("owner and TRUSTWORTHY come back", "mend-copy", P, owner="switchback", trustworthy="yes", broker="yes")
    again("bringing them back again changes nothing", "mend-copy", P, owner="switchback", trustworthy="yes")
    check(value(P, "SELECT SUSER_SNAME(owner_sid) FROM sys.databases WHERE name = 'mgc'") == "switchback"
          and value(P, "SELECT is_trustworthy_on FROM sys.databases WHERE name = 'mgc'"), "the catalogue says so")
    refuses("an owner who is nobody is refused", "gets no owner", "mend-copy", P, owner="nobody at all")
    settles("and go", "mend-copy", P, owner="sa", trustworthy="no")
    settles("the recovery model is FULL already", "full-recovery", P, seen="yes")


def looks():
    S.lab.say(P, 1, "one")
    S.lab.say(P, 2, "two")
    answer = ask("count-rows", P)
    check(int(answer["results"]["rows"]) >= 2 and "dbo.tblChat 2" in answer["results"]["tables"], "rows are counted, table by table", brief(answer))
    refuses("too few rows are a failure", "at least were expected", "count-rows", P, at_least="1000")
    answer = ask("check-integrity", P)
    check(answer["rc"] == "ok" and "holds together" in answer["results"]["sentence"], "a copy is checked page by page", brief(answer))
    refuses("a mirror cannot be checked", "is a mirror", "check-integrity", M)
    first = ask("fingerprint")
    same = ask("fingerprint", was=first["results"]["lines"])
    check(same["rc"] == "ok" and same["results"]["digest"] == first["results"]["digest"], "what stands on the instances is told the same twice", brief(same))
    S.lab.sql(B, "EXEC msdb.dbo.sp_update_job @job_name = N'LSRestore_NORTH-SQL1_mgc', @enabled = 0")
    refuses("and a difference is named", "+ south-sql1: job: LSRestore_NORTH-SQL1_mgc | 0", "fingerprint", None, was=first["results"]["lines"])
    S.lab.sql(B, "EXEC msdb.dbo.sp_update_job @job_name = N'LSRestore_NORTH-SQL1_mgc', @enabled = 1")


def rehearsals():
    settles("a base for rehearsals is there", "backup-full", P, file=SHARE + "mgc_base.bak", copy_only="yes")
    for name in ("mgc", "mgc_drill", "master", "mgccomp", "mgc_copy", "MGC"):
        refuses("'%s' is no name for a rehearsal" % name, "is no name for a rehearsal", "restore-as", B, **{"as": name}, file=SHARE + "mgc_base.bak")
    refuses("nor is a mere nothing", "missing or empty", "drop-as", B, **{"as": ""})
    for name in ("mgc", "mgc_drill", "master"):
        refuses("and nothing real is dropped under '%s'" % name, "is no name for a rehearsal", "drop-as", B, **{"as": name})
    settles("one more log backup is shipped", "ship-once", P, seen=None, to=B)
    x = {"as": "mgc_drill ]['1"}
    run, see = settles("a rehearsal is restored under another name, and online", "restore-as", B, **x, file=SHARE + "mgc_base.bak", **{"from": "shiplogs"})
    check(int(run["applied"]) >= 1 and run["lsn"] == see["lsn"], "with the shipped logs", (run, see))
    again("restoring it again changes nothing but its age", "restore-as", B, **x, file=SHARE + "mgc_base.bak", **{"from": "shiplogs"})
    check(value(B, "SELECT state_desc FROM sys.databases WHERE name = 'mgc'") == "RESTORING", "the real copy still waits for logs")
    answer = ask("count-rows", B, **x)
    check(int(answer["results"]["rows"]) >= 2, "its rows are there", brief(answer))
    refuses("a point that the logs do not reach is not reached", "must be reached", "restore-as", B, **{"as": "mgc_drill2"},
            file=SHARE + "mgc_base.bak", **{"from": "shiplogs"}, until="9" * 20)
    settles("and it is dropped", "drop-as", B, **x)
    settles("so is one that never came online", "drop-as", B, **{"as": "mgc_drill2"})
    settles("a mirror needs no seed", "seed-copy", M, seen="yes", **{"from": P}, file=SETUP_N + "seed.bak")
    settles("nor does a copy that the log can follow", "seed-copy", B, seen="yes", **{"from": P}, file=SHARE + "seed.bak")
    settles("the dormant source is built already", "build-dormant", M, seen="yes", secondary=B)
    refuses("the principal is no dormant source", "must be its mirror", "build-dormant", P, secondary=B)


def children(pid):
    found = []
    for one in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % one, encoding="ascii", errors="replace") as f:
                if f.read().rsplit(")", 1)[1].split()[1] == str(pid):
                    found.append(int(one))
        except OSError:
            pass
    return found


def killed():
    """The worker is killed while its RESTORE runs; the server goes on, and verify knows."""
    settles("a base is there", "backup-full", P, file=SHARE + "mgc_big.bak", copy_only="yes")
    x = {"as": "mgc_drill9", "file": SHARE + "mgc_big.bak"}
    S.lab.fault("slow", B, "RESTORE DATABASE*", "5000")
    answer = {}
    run = threading.Thread(target=lambda: answer.update(ask("restore-as", B, **x)))
    run.start()
    works = "SELECT COUNT(*) FROM sys.dm_exec_requests r JOIN sys.dm_exec_sessions s ON s.session_id = r.session_id " \
            "WHERE s.program_name LIKE N'switchback/t1/%' AND r.command LIKE N'RESTORE%'"
    check(eventually(lambda: value(B, works) == 1, 30), "a long restore is under way")
    for pid in children(S.lab.call.pid):
        os.kill(pid, signal.SIGKILL)
    run.join(60)
    check(answer.get("rc") == "died", "its client is killed in the middle", brief(answer))
    S.lab.fault("slow", B, "RESTORE DATABASE*", "0")
    there = value(B, works)
    answer = ask("restore-as", B, "verify", **x)
    check(there == 0 or (answer["seen"] == "partly" and any("still running" in line for line in answer["said"])),
          "while the server goes on, verify says that ours is still at work, and how far it is", brief(answer))
    check(there == 1, "the server does go on", there)
    check(eventually(lambda: ask("restore-as", B, "verify", **x)["seen"] == "no", 30), "when it has ended, verify says that it is not done yet")
    settles("the next run goes on from there", "restore-as", B, seen="no", **x)
    settles("and everything is put away", "drop-as", B, **{"as": "mgc_drill9"})


def stopped():
    """A long statement runs into its deadline: it is cancelled at the server too."""
    S.lab.fault("slow", P, "BACKUP DATABASE*", "30000")
    answer = S.lab.ask("backup-full", P, "run", file=SETUP_N + "late.bak", deadline=3000)
    check(answer["rc"] == "unsure" and "was cancelled" in answer["sentence"], "a statement over its deadline is cancelled, and leaves doubt", brief(answer))
    check(any("percent" in line for line in answer["said"]), "its progress was told while it ran", answer["said"])
    busy = "SELECT COUNT(*) FROM sys.dm_exec_requests r WHERE r.command LIKE N'BACKUP DATABASE%'"
    check(eventually(lambda: value(P, busy) == 0, 10), "the server is not left busy")
    S.lab.fault("slow", P, "BACKUP DATABASE*", "0")
    check(ask("backup-full", P, "verify", file=SETUP_N + "late.bak")["seen"] == "no", "and nothing came of it")


def main():
    stories = [sessions_changed, files, properties, looks, rehearsals, killed, stopped]
    text = (S.SRC / "examples/stretched-pool.ini").read_text(encoding="utf-8")
    with S.tempfile.NamedTemporaryFile("w", suffix=".ini", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        S.with_lab([s for s in stories if not sys.argv[1:] or s.__name__ in sys.argv[1:]], f.name)
    print("1..%d" % S.number)
    return 1 if S.failed else 0


if __name__ == "__main__":
    sys.exit(main())
