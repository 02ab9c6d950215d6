#!/usr/bin/env python3
"""The plugin 'mssql' against the lab, over TDS: every verb, run and verified twice.

One lab from the packaged topology; calls are made by tests/mssql/call, rows are
written and counted by another client (pymssql).  Speaks TAP.  The lab ends with
this process (--owner-fd).
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BUILD = pathlib.Path(os.environ["SWITCHBACK_BUILD_DIR"])
SRC = pathlib.Path(os.environ["SB_SRCDIR"])
LAB = os.environ.get("SWITCHBACK_LAB", str(BUILD / "switchback-lab"))
number = failed = 0

try:
    import pymssql
except ImportError:  # the distribution's interpreter has it
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("1..0 # SKIP python3-pymssql is not installed")
    sys.exit(0)


def check(good, title, said=""):
    global number, failed
    number += 1
    print("%s %d - %s" % ("ok" if good else "not ok", number, title), flush=True)
    if not good:
        failed += 1
        for line in str(said).splitlines() or [""]:
            print("# " + line, flush=True)
    return good


def eventually(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return False


class Lab:
    def __init__(self, topology=None, options=()):
        self.dir = tempfile.mkdtemp(prefix="sb-mssql-lab-")
        self.own, child = os.pipe()
        os.set_inheritable(self.own, True)
        words = [LAB, "up", "--dir", self.dir, "--owner-fd", str(self.own), *options]
        if topology:
            words += ["-t", topology]
        self.keep = child
        up = subprocess.run(words, pass_fds=[self.own], capture_output=True, text=True, timeout=120)
        if up.returncode != 0:
            print("Bail out! lab up: " + up.stdout + up.stderr)
            self.end()
            sys.exit(99)
        self.json = json.load(open(self.dir + "/lab.json"))
        self.instances = {i["name"]: i for i in self.json["instances"]}
        self.call = subprocess.Popen([str(BUILD / "tests/mssql/call"), self.dir + "/topology.ini"], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, text=True, bufsize=1)

    def end(self):
        if hasattr(self, "call"):
            self.call.stdin.close()
            self.call.wait(20)
        subprocess.run([LAB, "down", "--dir", self.dir], capture_output=True, timeout=60)
        os.close(self.keep)
        shutil.rmtree(self.dir, ignore_errors=True)

    def fault(self, *words):
        done = subprocess.run([LAB, "fault", "--dir", self.dir, *words], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise RuntimeError("fault %s: %s%s" % (" ".join(words), done.stdout, done.stderr))

    def ask(self, verb, on=None, op="run", db="mgc", deadline=60000, **params):
        spec = {"object": db, "verb": verb, "op": op, "on": on, "step": "%s[%s]" % (verb, db), "deadline": deadline,
                "params": {k.replace("_", " "): v for k, v in params.items()}}
        self.call.stdin.write(json.dumps(spec) + "\n")
        self.call.stdin.flush()
        line = self.call.stdout.readline()
        if os.environ.get("TALK"):
            print("# %s %s on %s: %s" % (op, verb, on, line.strip()), flush=True)
        return json.loads(line)

    def sql(self, instance, text, *args):
        i = self.instances[instance]
        with pymssql.connect(server=i["host"], port=str(i["port"]), user=i["user"], password=i["password"], database="master",
                             login_timeout=15, autocommit=True) as c:
            cursor = c.cursor()
            cursor.execute(text, args)
            rows = cursor.fetchall() if cursor.description else None
            while cursor.nextset():  # a BACKUP is over when its last result was taken
                pass
            return rows

    def say(self, instance, chat, text, db="mgc"):
        self.sql(instance, "INSERT INTO " + db + ".dbo.tblChat (channelId, chatId, chatDate, userId, isAlert, content) "
                 "VALUES (900, %d, %d, 7, 0, %s)", chat, 1000 + chat, text)

    def texts(self, instance, db="mgc"):
        return sorted(r[0] for r in self.sql(instance, "SELECT content FROM " + db + ".dbo.tblChat WHERE channelId = 900"))


lab = None


def brief(answer):
    return "%s/%s: %s | %s" % (answer.get("rc"), answer.get("seen"), answer.get("sentence"), answer.get("results"))


def settles(title, verb, on, seen="no", db="mgc", **params):
    """verify says `seen`, run is ok, verify says yes; and all of it once more changes nothing."""
    before = lab.ask(verb, on, "verify", db, **params)
    first = lab.ask(verb, on, "run", db, **params)
    good = first["rc"] == "ok"
    after = {}
    good = good and eventually(lambda: after.update(lab.ask(verb, on, "verify", db, **params)) or after["seen"] == "yes")
    check(good and (seen is None or before["seen"] == seen), title, "before %s\nrun %s\nafter %s" % (brief(before), brief(first), brief(after)))
    return first["results"], after.get("results", {})


def again(title, verb, on, db="mgc", **params):
    """A second run of an action that settles ends in the same state."""
    second = lab.ask(verb, on, "run", db, **params)
    after = lab.ask(verb, on, "verify", db, **params)
    check(second["rc"] == "ok" and after["seen"] == "yes", title, "run %s\nafter %s" % (brief(second), brief(after)))


def refuses(title, word, verb, on, rc="fail", **params):
    answer = lab.ask(verb, on, "run", **params)
    check(answer["rc"] == rc and word in answer["sentence"], title, brief(answer))


def fact(name, db="mgc"):
    return lab.ask("check", None, db=db, fact=name)["results"]


def green(title, names, db="mgc", seconds=40):
    found = {}

    def all_green():
        for n in names:
            if found.get(n, {}).get("verdict") != "green":
                found[n] = fact(n, db)
        return all(f.get("verdict") == "green" for f in found.values())

    check(eventually(all_green, seconds), title,
          "\n".join("%s %s: %s" % (n, f.get("verdict"), f.get("found")) for n, f in found.items() if f.get("verdict") != "green"))


FACTS = ["H3", "H4", "H5", "H6", "H7", "H8", "H9", "H10", "H11", "H12", "H15"]
SHARE = "\\\\south-fs\\shiplogs\\"
SETUP_N = "\\\\north-fs\\setup\\"
SETUP_S = "\\\\south-fs\\setup\\"
P, M, W, B, BM = "north-sql1", "north-sql2", "north-wit", "south-sql1", "south-sql2"


def steady():
    green("in the steady state every fact about the database is green", FACTS)
    green("the compliance database is drained", ["H3", "H16"], "mgccomp")
    o = lab.ask("observe", P)["results"]
    check(o["state"] == "ONLINE" and o["role"] == "PRINCIPAL" and o["mirroring"] == "SYNCHRONIZED" and o["shipping"] == "primary",
          "the principal is observed as what it is", o)
    o = lab.ask("observe", B)["results"]
    check(o["state"] == "RESTORING" and o["shipping"] == "secondary" and o["lsn"].isdigit(), "the backup is observed as what it is", o)
    o = lab.ask("locate", None, site="north")["results"]
    check(o["principal"] == P, "the principal of a site is found", o)
    o = lab.ask("survey", None, site="north")["results"]
    check(o["answering"] == P + ", " + M and o["principal"] == P and "switchover" in o["sentence"],
          "a living site is said to live", o)
    o = lab.ask("save-shipping", B)
    d = json.loads(o["results"]["definition"])
    check(d["secondary"][0]["secondary_database"] == "mgc" and "restore job" in d, "the definition of the secondary is saved whole", o)
    o = lab.ask("check-store", B)
    check(o["rc"] == "fail", "a restoring copy is no store that stands ready", brief(o))
    o = lab.ask("check-store", "south-sql3", db="mgccomp")
    check(o["rc"] == "ok", "the compliance store stands ready", brief(o))
    settles("draining is awaited", "await-drained", "north-sql3", seen="yes", db="mgccomp")


def shipping():
    settles("a log backup goes the whole way", "ship-once", P, seen=None, to=B)
    settles("the jobs of a secondary are stopped", "stop-shipping", B)
    again("stopping them again changes nothing", "stop-shipping", B)
    check(fact("H8")["verdict"] == "red", "disabled jobs turn H8 red", fact("H8"))
    settles("and started", "start-shipping", B)
    again("starting them again changes nothing", "start-shipping", B)
    settles("a definition is removed", "remove-secondary", B)
    again("removing it again changes nothing", "remove-secondary", B)
    check(fact("H7")["verdict"] == "red", "a missing secondary turns H7 red", fact("H7"))
    settles("and built again on the copy that stands", "build-secondary", B, primary=P)
    again("building it again changes nothing", "build-secondary", B, primary=P)
    settles("a primary is removed", "remove-primary", P)
    settles("and built again", "build-primary", P, secondary=B)
    again("building it again changes nothing", "build-primary", P, secondary=B)


def mirroring():
    refuses("a copy without a session cannot become principal", "cannot become principal", "mirror-failover", B)
    settles("the mirror becomes principal", "mirror-failover", M)
    check(lab.ask("locate", None, site="north")["results"]["principal"] == M, "and is found as such")
    settles("and the primary again", "mirror-failover", P)
    again("asking for what is so already changes nothing", "mirror-failover", P)
    settles("a session is ended", "break-mirror", P)
    again("ending it again changes nothing", "break-mirror", P)
    check(fact("H4")["verdict"] == "red", "a missing mirror turns H4 red", fact("H4"))
    settles("and made again, with its witness", "make-mirror", P, mirror=M, witness=W, file=SETUP_N + "pair 1 \u00e4\u00f6.trn")
    again("making it again changes nothing", "make-mirror", P, mirror=M, witness=W, file=SETUP_N + "pair 1 \u00e4\u00f6.trn")
    green("and nothing was lost for log shipping", FACTS)


def backups():
    run, see = settles("a full backup is taken and verified", "backup-full", P, file=SETUP_N + "full 1.bak")
    check(run == see and run["lsn"].isdigit(), "verify gives the same results as run", (run, see))
    settles("a copy-only backup too", "backup-full", P, file=SETUP_N + "copy's 2.bak", copy_only="yes")
    answer = lab.ask("backup-full", P, "verify", file=SETUP_N + "nothing.bak")
    check(answer["seen"] == "no", "a file that is not there is no backup", brief(answer))
    refuses("a mirrored copy is not restored over", "it is mirrored", "restore-full", P, file=SETUP_N + "full 1.bak")
    refuses("a mirrored copy is not dropped", "it is mirrored", "drop-copy", M)
    refuses("a live copy is not recovered on silence", "nothing but silence", "recover", B, evidence="silent")


def switch_over():
    """South takes over with the tail of north: nothing is lost."""
    lab.say(P, 1, "before the switch")
    settles("the jobs of the backup are stopped", "stop-shipping", B)
    run, see = settles("the tail is taken and the principal frozen", "take-tail", P, file=SHARE + "mgc_tail.trn")
    check(run["taken"] == "yes" and run["lsn"] == see["lsn"], "the end of the tail is told", (run, see))
    tail = run["lsn"]
    refuses("an LSN that nothing leads to is not reached", "must be reached", "apply-logs", B, **{"from": "shiplogs"}, until="9" * 20)
    run, see = settles("the log is applied up to the tail", "apply-logs", B, seen=None, **{"from": "shiplogs"}, until=tail)
    check(run["lsn"] == tail, "the copy ends where the tail ends", (run, tail))
    again("applying again changes nothing", "apply-logs", B, **{"from": "shiplogs"}, until=tail)
    q = lab.ask("quote", B, source="done")["results"]
    check(q["lsn"] == tail and q["time"].startswith("20") and int(q["window s"]) >= 0, "the loss is quoted as a point", q)
    refuses("a copy that stands elsewhere than expected is not recovered", "was expected", "recover", B, evidence="declared", expect="1")
    settles("nobody is in the copy", "end-sessions", B, seen="yes")
    run, see = settles("the backup is brought online", "recover", B, evidence="confirmed", expect=tail)
    check(run["lsn"] == tail and see["lsn"] == tail, "at the point that was expected", (run, see))
    check("before the switch" in lab.texts(B), "what was said before the switch is there")
    answer = lab.ask("recover", B, "verify", evidence="confirmed", expect="12345")
    check(answer["seen"] == "unknown", "a copy recovered elsewhere than expected is not taken for the right one", brief(answer))
    settles("its definition is removed", "remove-secondary", B)
    lab.say(B, 2, "in south")
    settles("it is backed up", "backup-full", B, file=SETUP_S + "protect.bak")
    settles("a mirror is seeded", "restore-full", BM, file=SETUP_S + "protect.bak")
    settles("and joined", "make-mirror", B, mirror=BM, file=SETUP_S + "pair.trn")
    folder = SHARE.rstrip("\\")
    lab.sql(B, "EXEC master.dbo.sp_add_log_shipping_primary_database @database = N'mgc', @backup_directory = %s, @backup_share = %s, "
            "@backup_job_name = N'LSBackup_mgc', @backup_retention_period = 4320, @backup_threshold = 60, @overwrite = 1", folder, folder)
    settles("log backups run, also where an earlier try died half way", "build-primary", B, seen="partly")
    plans = lab.sql(B, "SELECT COUNT(*) FROM msdb.dbo.sysjobschedules s JOIN msdb.dbo.sysjobs j ON j.job_id = s.job_id "
                    "WHERE j.name = N'LSBackup_mgc' AND j.enabled = 1")
    alerts = lab.sql(B, "SELECT COUNT(*) FROM msdb.dbo.sysjobs WHERE name LIKE N'LSAlert%'")
    check(plans[0][0] == 1 and alerts[0][0] == 1, "with their schedule and their alert", (plans, alerts))
    settles("the old principal is fenced", "fence", P, seen=None)
    settles("the old mirror is fenced", "fence", M, seen=None)
    again("fencing again changes nothing", "fence", M)


def go_home():
    """North takes over again: the live copy is frozen, nothing is lost, and everything stands as it stood."""
    for i, name in ((P, "primary"), (M, "mirror")):
        settles("the orphaned definition of the %s is removed" % name, "remove-primary", i)
    settles("the live copy is backed up", "backup-full", B, file=SHARE + "mgc_home.bak")
    settles("home is restored", "restore-full", P, file=SHARE + "mgc_home.bak")
    settles("and its mirror", "restore-full", M, file=SHARE + "mgc_home.bak")
    lab.say(B, 3, "while home was restored")
    settles("no session is left in the live copy", "await-no-sessions", B, seen=None)
    refuses("a mirrored copy is not frozen", "it is mirrored", "freeze", B, file=SHARE + "mgc_frozen.trn")
    settles("its mirroring ends", "break-mirror", B)
    settles("its log backups stop", "stop-shipping", B)
    run, see = settles("it is frozen", "freeze", B, file=SHARE + "mgc_frozen.trn")
    end = run["lsn"]
    settles("it can be thawed", "unfreeze", B)
    run, see = settles("and frozen again", "freeze", B, file=SHARE + "mgc_frozen2.trn")
    end = run["lsn"]
    for i in (P, M):
        run, see = settles("%s is brought to the frozen end" % i, "apply-logs", i, **{"from": "shiplogs"}, until=end)
        check(run["lsn"] == end, "and stands exactly there", (run, end))
    settles("home is brought online", "recover", P, evidence="none needed", expect=end)
    check(lab.texts(P) == ["before the switch", "in south", "while home was restored"], "nothing was lost on the way", lab.texts(P))
    settles("home is mirrored", "make-mirror", P, mirror=M, witness=W, file=SETUP_N + "pair2.trn")
    settles("the log backups of south are removed", "remove-primary", B)
    archive = lab.dir + "/unc/south-fs/shiplogs/archive"
    os.makedirs(archive, exist_ok=True)
    for f in os.listdir(os.path.dirname(archive)):
        if f.endswith(".trn"):
            os.rename(os.path.dirname(archive) + "/" + f, archive + "/" + f)
    settles("home ships", "build-primary", P, secondary=B)
    settles("to the frozen copy", "build-secondary", B, primary=P)
    settles("the mirror becomes principal", "mirror-failover", M)
    settles("to be prepared as source", "build-primary", M, secondary=B)
    settles("and mirror again", "mirror-failover", P)
    settles("the former mirror in south is dropped", "drop-copy", BM)
    again("dropping it again changes nothing", "drop-copy", BM)
    lab.say(P, 4, "at home")
    settles("a log backup of home arrives in south", "ship-once", P, seen=None, to=B)
    green("and every fact is green again", FACTS, seconds=60)


def bad_files():
    settles("the jobs of the backup are stopped", "stop-shipping", B)
    lab.say(P, 10, "whole")
    lab.sql(P, "BACKUP LOG mgc TO DISK = %s WITH INIT", SHARE + "mgc_29990101000001.trn")
    lab.say(P, 11, "damaged")
    lab.sql(P, "BACKUP LOG mgc TO DISK = %s WITH INIT", SHARE + "mgc_29990101000002.trn")
    lab.fault("damage-file", P, SHARE + "mgc_29990101000002.trn")
    run, see = settles("a damaged newest log is left out", "apply-logs", B, seen=None, **{"from": "shiplogs"})
    check("mgc_29990101000002.trn" in run["left out"] and run["left out"] == see["left out"], "and named", (run, see))
    q = lab.ask("quote", B, source="the share was gone", left_out=run["left out"])["results"]
    check("the share was gone" in q["sentence"] and "mgc_29990101000002" in q["sentence"], "the quote says so", q)
    check(q["on share"] == "" and q["copied"].isdigit(), "a share that could not be read is not asked again, the copy folder is", q)
    check("can still be had from " + P in q["tail"], "the tail can still be had, and from where", q)
    lab.say(P, 12, "on the share only")
    lab.sql(P, "BACKUP LOG mgc TO DISK = %s WITH INIT", SHARE + "mgc_29990101000003.trn")
    q = lab.ask("quote", B, source="done", shared="shiplogs", tail="yes")["results"]
    check(int(q["on share"]) > int(q["lsn"]) and int(q["waiting bytes"]) > 0 and "on the share" in q["sentence"],
          "what lies on the share and is not applied is counted", q)
    check(q["tail"] == "it was taken", "a tail that was taken is said to be", q)
    lab.fault("share-gone", "shiplogs")
    refuses("a share that is gone is said to be gone", "cannot open the folder", "apply-logs", B, rc="retry", **{"from": "shiplogs"})
    check(fact("H11")["verdict"] in ("red", "unknown"), "and turns H11", fact("H11"))
    lab.fault("share-back", "shiplogs")


def power_cut():
    """North loses its power; later its old copy is salvaged."""
    lab.say(P, 20, "acknowledged and lost")
    lab.fault("power-off", "site", "north")
    o = lab.ask("survey", None, site="north")["results"]
    check(o["answering"] == "" and "'failover'" in o["sentence"], "a dead site is said to be dead", o)
    o = lab.ask("fence", P, "verify")
    check(o["seen"] == "unknown" and "does not answer" in o["sentence"], "whether a silent copy is fenced is not known", brief(o))
    check(lab.ask("fence", P)["rc"] == "retry", "and fencing it may be tried again")
    check(fact("H3")["verdict"] == "unknown", "what cannot be asked is unknown", fact("H3"))
    run, see = settles("the backup is brought online", "recover", B, evidence="declared", expect=lab.ask("observe", B)["results"]["lsn"])
    lab.say(B, 21, "new life")
    lab.fault("power-on", "site", "north")
    check(eventually(lambda: lab.ask("locate", None, site="north")["results"].get("principal") == P, 30), "the old principal wakes")
    lab.say(P, 22, "stray")
    run, see = settles("the old principal is fenced", "fence", P)
    check("ONLINE" in run["found"], "and it is told what was found", run)
    settles("and its mirror", "fence", M, seen=None)
    listing = lab.dir + "/list \u00e4.jsonl"
    run, see = settles("what only the old copy holds is salvaged", "salvage", P, live=B, file=SHARE + "salvage.bak", list=listing)
    lines = [json.loads(line) for line in open(listing, encoding="utf-8")]
    texts = [line["content"] for line in lines]
    check("stray" in texts and "acknowledged and lost" in texts and "new life" not in texts and "at home" not in texts,
          "all that is lost or stray is listed, and nothing else", texts)
    check(run["messages"] == str(len(lines)) == see["messages"] and (os.stat(listing).st_mode & 0o777) == 0o600,
          "counted, and readable by its owner alone", (run, see))
    again("salvaging again gives the same", "salvage", P, live=B, file=SHARE + "salvage.bak", list=listing)
    o = lab.ask("observe", P)["results"]
    check(o["state"] == "OFFLINE", "the old copy is fenced again", o)
    settles("a restoring old copy has nothing to salvage", "salvage", M, seen="yes", live=B, file=SHARE + "none.bak", list=listing + "2")
    settles("a fence can be taken back", "release", P)
    settles("and set again", "fence", P)


def lost_principal():
    """The principal alone is lost: the mirror holds every acknowledged commit."""
    lab.say(P, 30, "only the mirror has it")
    lab.fault("power-off", "instance", P)
    check(eventually(lambda: lab.ask("locate", None, site="north")["results"].get("principal") == M, 30), "the mirror is found")
    run, see = settles("its tail is taken", "take-tail", M, file=SHARE + "mgc_mirrortail.trn")
    settles("the jobs of the backup are stopped", "stop-shipping", B, seen=None)
    settles("and applied", "apply-logs", B, seen=None, **{"from": "shiplogs"}, until=run["lsn"])
    settles("the backup is brought online", "recover", B, evidence="confirmed", expect=run["lsn"])
    check("only the mirror has it" in lab.texts(B), "with every acknowledged message", lab.texts(B))


def odd_names():
    o = lab.ask("observe", P, db="odd")["results"]
    check(o["state"] == "ONLINE", "a database with ] [ ' and letters beyond ASCII in its name is observed", o)
    settles("backed up to a path with blanks and such letters", "backup-full", P, db="odd", file=SETUP_N + "it's \u00fc b.bak")
    settles("fenced", "fence", P, db="odd")
    settles("released", "release", P, db="odd")
    settles("and dropped", "drop-copy", P, db="odd")


def turns_red(name, how, back=None, db="mgc", seconds=40):
    """Exactly this fact turns red; taken back, everything is green again."""
    how()
    red = eventually(lambda: fact(name, db)["verdict"] == "red", seconds)
    others = {n: fact(n, db) for n in (FACTS if db == "mgc" else ["H3", "H16"]) if n != name}
    bad = {n: f for n, f in others.items() if f["verdict"] != "green"}
    check(red and not bad, "%s of %s turns red, and it alone" % (name, db), "%s\n%s" % (fact(name, db), bad))
    if back:
        back()
        green("and green again", FACTS if db == "mgc" else ["H3", "H16"], db)


def facts_break():
    green("all is green before anything is broken", FACTS)
    job = {name: id for id, name in lab.sql(B, "SELECT CONVERT(nvarchar(36), job_id), name FROM msdb.dbo.sysjobs")}
    copy = next(id for name, id in job.items() if name.startswith("LSCopy"))
    server = lab.sql(B, "SELECT primary_server FROM msdb.dbo.log_shipping_secondary")[0][0]
    south = lab.sql(B, "SELECT CAST(SERVERPROPERTY('ServerName') AS nvarchar(128))")[0][0]
    turns_red("H3", lambda: lab.sql(P, "ALTER DATABASE mgc SET RESTRICTED_USER WITH ROLLBACK IMMEDIATE"),
              lambda: lab.sql(P, "ALTER DATABASE mgc SET MULTI_USER"))
    turns_red("H4", lambda: lab.sql(P, "ALTER DATABASE mgc SET PARTNER SUSPEND"),
              lambda: lab.sql(P, "ALTER DATABASE mgc SET PARTNER RESUME"))
    turns_red("H5", lambda: lab.fault("witness-lost", W), lambda: lab.fault("witness-back", W))
    turns_red("H6", lambda: lab.sql(M, "EXEC master.dbo.sp_delete_log_shipping_primary_secondary @primary_database = N'mgc', "
                                    "@secondary_server = N'%s', @secondary_database = N'mgc'" % south),
              lambda: lab.sql(M, "EXEC master.dbo.sp_add_log_shipping_primary_secondary @primary_database = N'mgc', "
                              "@secondary_server = N'%s', @secondary_database = N'mgc'" % south))
    source = "EXEC master.dbo.sp_change_log_shipping_secondary_primary @primary_server = N'" + server + \
             "', @primary_database = N'mgc', @backup_source_directory = N'%s', @backup_destination_directory = N'D:\\LSCopy', " \
             "@file_retention_period = 4320"
    turns_red("H7", lambda: lab.sql(B, source % "\\\\south-fs\\SHIPLOGS2"), lambda: lab.sql(B, source % "\\\\south-fs\\shiplogs"))
    turns_red("H8", lambda: lab.sql(B, "EXEC msdb.dbo.sp_update_job @job_id = '%s', @enabled = 0" % copy),
              lambda: lab.sql(B, "EXEC msdb.dbo.sp_update_job @job_id = '%s', @enabled = 1" % copy))
    delay = "EXEC master.dbo.sp_change_log_shipping_secondary_database @secondary_database = N'mgc', @restore_delay = %d"
    turns_red("H9", lambda: lab.sql(B, delay % 600), lambda: lab.sql(B, delay % 0))
    mode = "EXEC master.dbo.sp_change_log_shipping_secondary_database @secondary_database = N'mgc', @restore_mode = %d"
    turns_red("H10", lambda: lab.sql(B, mode % 1), lambda: lab.sql(B, mode % 0))
    turns_red("H12", lambda: lab.fault("disk-full", P), lambda: lab.fault("disk-room", P))
    turns_red("H15", lambda: lab.sql(BM, "CREATE DATABASE mgc"), lambda: lab.sql(BM, "DROP DATABASE mgc"))
    numbers = iter(range(9000, 1000000))

    def events_wait():  # the adapter takes them at its own times
        values = ", ".join("(%d, 1, 1)" % next(numbers) for n in range(6))
        lab.sql("north-sql3", "INSERT INTO mgccomp.dbo.tblComplianceData (entryID, cmplType, entryDate) VALUES " + values)
        return fact("H16", "mgccomp")["verdict"] == "red"

    check(eventually(events_wait), "H16 of mgccomp turns red when events wait", fact("H16", "mgccomp"))
    check(fact("H3", "mgccomp")["verdict"] == "green", "and it alone")
    turns_red("H11", lambda: (lab.say(P, 40, "elsewhere"), lab.sql(P, "BACKUP LOG mgc TO DISK = N'D:\\elsewhere.trn' WITH INIT")))


def others_at_work():
    """What another session does or is."""
    i = lab.instances[P]
    who = dict(server=i["host"], port=str(i["port"]), user=i["user"], password=i["password"], autocommit=True)
    with pymssql.connect(database="mgc", **who):
        answer = lab.ask("await-no-sessions", P, "verify")
        check(answer["seen"] == "no", "a session of somebody else is seen", brief(answer))
        run, see = settles("and ended", "end-sessions", P)
        check(int(run["ended"]) >= 1, "and counted", run)
    lab.fault("slow", P, "BACKUP DATABASE", "4000")
    work = threading.Thread(target=lambda: pymssql.connect(appname="switchback/t1/backup-full[mgc]", **who).cursor().execute(
        "BACKUP DATABASE mgc TO DISK = N'" + SETUP_N + "slow.bak' WITH INIT"))
    work.start()
    seen = eventually(lambda: lab.ask("backup-full", P, "verify", file=SETUP_N + "slow.bak")["seen"] == "partly", 4)
    check(seen, "while a statement of ours is still at work the answer is partly")
    work.join()
    lab.fault("slow", P, "BACKUP DATABASE", "0")


def with_lab(stories, topology=None):
    global lab
    lab = Lab(topology)
    try:
        for story in stories:
            try:
                story()
            except Exception:  # a story that breaks is one failure; the next lab goes on
                check(False, "the story '%s' is told to its end" % story.__name__, traceback.format_exc())
                break
    finally:
        lab.end()


def main():
    text = (SRC / "examples/stretched-pool.ini").read_text(encoding="utf-8")
    text = text.replace("copy folder = south-copy\n", "copy folder = south-copy\nbackup every = 5s\ncopy every = 5s\nrestore every = 5s\n")
    text = text.replace("[database mgccomp]\n", "[database mgccomp]\ncompliance limit = 3\n")
    text += "\n[database odd]\nname = odd ]['\u00e4\u00f6 name\nprimary = north-sql1\nfail over = no\n"
    with tempfile.NamedTemporaryFile("w", suffix=".ini", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        chosen = sys.argv[1:] or ["first", "second", "third", "fourth"]
        if "first" in chosen:
            with_lab([steady, shipping, mirroring, backups, switch_over, go_home])
        if "second" in chosen:
            with_lab([bad_files, power_cut])
        if "third" in chosen:
            with_lab([odd_names, others_at_work, lost_principal], f.name)
        if "fourth" in chosen:
            with_lab([facts_break], f.name)
    print("1..%d" % number)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
