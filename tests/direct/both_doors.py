#!/usr/bin/env python3
"""One scenario through two doors: statements over TDS, by a client that nobody here wrote (pymssql), and the same deeds as
operations of a world in another process (tests/direct/inside, w_run).  After each of them both must say the same, and both
worlds must be the same: databases, forks and LSNs, sessions, mirroring, log shipping, jobs with their runs, history, and
every backup set in every file.  Clocks are left out, nothing else.

Scenarios are made by chance from a seed that is printed; SEED and SCENARIOS in the environment choose them, TALK=1 tells
every statement.  What a statement means is written twice, as SQL and as an operation, side by side here: the door's own
reading of SQL is what is held against it.  `--long` plays thousands (make check-long).  Speaks TAP.
"""
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path(os.environ["SWITCHBACK_BUILD_DIR"])
LAB = os.environ.get("SWITCHBACK_LAB", str(BUILD / "switchback-lab"))
LONG = os.environ.get("SB_LONG") == "1" or "--long" in sys.argv
TALK = "TALK" in os.environ
LIMIT = 120  # seconds; nothing here takes so long, else it hangs

try:
    import pymssql
except ImportError:  # the distribution's interpreter has it
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("1..0 # SKIP python3-pymssql is not installed")
    sys.exit(0)

DATABASES = ("plain", "pair", "shipped", "both")
INSTANCES = ("a1", "a2", "b1")
SHARE = "\\\\fs\\logs\\"
DONE, FAILED, UNREACHABLE = 0, 1, 3
# Where a statement says with a number of its own what an operation says with another.
IN_SQL = {("ALTER", 911): 15151}
# What the door refuses before it asks for anything: a table that a new database lacks, a transaction that was not begun.
BY_THE_DOOR = (208, 3902, 3903)
STEPS = 12  # statements of a scenario
CHAPTER = 8  # scenarios in one lab: then it begins anew, else everything ends dropped


def topology():
    text = ["[pool p]\nfqdn = p.example.org\ncontrol = f2, f1\nprimary site = a\nbackup site = b\ntool site = b",
            "[policy]\nunattended = yes\n[site a]\nfence = f\n[site b]\n[fence f]\nplugin = command\nprogram = /usr/local/sbin/p",
            "[credential c]\nuser = u\nsecret = file:c.secret", "[server s1]\nsite = a\n[server s2]\nsite = b",
            "[share logs]\nsite = b\npath = /mnt/logs\nunc = \\\\fs\\logs\n[share copies]\npath = /mnt/copies\nunc = D:\\copies"]
    for name in (*INSTANCES, "aw"):
        text.append(f"[instance {name}]\nsite = {name[0]}\ncredential = c" + ("\nendpoint port = 7022" if name == "aw" else ""))
    for n, site in ((1, "a"), (2, "b")):
        text.append(f"[frontend f{n}]\nsite = {site}\nurl = https://f{n}.example.org:5986/wsman\ncredential = c")
    for name in DATABASES:
        text.append(f"[database {name}]\nprimary = a1\n" + ("fail over = no\n" if name in ("plain", "pair") else
                                                            "backup = b1\nlog share = logs\ncopy folder = copies\n"
                                                            "backup every = 24h\ncopy every = 24h\nrestore every = 24h\n")
                    + ("mirror = a2\nwitness = aw\n" if name in ("pair", "both") else ""))
    return "\n".join(text) + "\n"


class Session:
    """One connection, and the session that it is in both worlds."""

    def __init__(self, lab, instance):
        self.lab, self.instance = lab, instance
        self.open()

    def open(self):
        i = self.lab.instances[self.instance]
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                self.conn = pymssql.connect(server=i["host"], port=str(i["port"]), user=i["user"], password=i["password"],
                                            database="master", login_timeout=LIMIT, timeout=LIMIT, autocommit=True)
                break
            except pymssql.Error:  # an instance that was started listens in a moment
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        cursor = self.conn.cursor()
        cursor.execute("SELECT @@SPID")
        self.spid = cursor.fetchone()[0]
        self.tran, self.pending = False, []  # what was inserted in a transaction
        said = self.lab.ask(do="run", kind="LOGIN", instance=self.instance, name=[i["user"], "", ""], flags=["SYSADMIN"])
        if said["value"][0] != self.spid:
            raise RuntimeError("session %d over the wire is session %d inside" % (self.spid, said["value"][0]))

    def run(self, sql):
        """The number of its error, 0: it went well, None: the session has ended."""
        try:
            cursor = self.conn.cursor()
            cursor.execute(sql)
            while cursor.nextset():  # a BACKUP is over when its last result was taken
                pass
            return 0
        except pymssql.Error as e:
            number = e.args[0] if isinstance(e.args[0], int) else e.args[0][0] if isinstance(e.args[0], tuple) else 0
            return number if number > 0 and number < 20000 or number > 30000 else None

    def alive(self):
        try:
            cursor = self.conn.cursor()
            cursor.execute("SELECT 1")
            return cursor.fetchone()[0] == 1
        except pymssql.Error:
            return False

    def close(self):
        try:
            self.conn.close()
        except pymssql.Error:
            pass


class Lab:
    """A lab whose jobs run only when they are started, a copy of its folders, and the world inside."""

    def __init__(self):
        self.root = tempfile.mkdtemp(prefix="sb-doors-")
        self.dir, self.own = self.root + "/lab", self.root + "/own"
        file = self.root + "/two.ini"
        pathlib.Path(file).write_text(topology(), encoding="utf-8")
        self.read_end, self.keep = os.pipe()
        self.env = dict(os.environ, SWITCHBACK_LAB_PING_MS="100000000")
        self.lab("up", "-t", file, "--owner-fd", str(self.read_end))
        self.lab("down")
        subprocess.run([BUILD / "tests/direct/twin", "--quiet", self.dir], check=True, timeout=LIMIT)
        self.lab("up", "--owner-fd", str(self.read_end))
        with open(self.dir + "/lab.json", encoding="utf-8") as f:
            self.instances = {i["name"]: i for i in json.load(f)["instances"]}
        self.down, self.written = set(), []
        self.program = None
        for i in INSTANCES[:1]:
            for db in DATABASES:
                self.say(i, "CREATE TABLE %s.dbo.t (id int)" % db)
        self.program = subprocess.Popen([str(BUILD / "tests/direct/inside"), self.dir, self.own], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        self.ask(do="look")
        for folder in ("unc", "disk"):
            shutil.copytree(self.dir + "/" + folder, self.own + "/" + folder)
        self.sessions = [Session(self, i) for i in INSTANCES] + [Session(self, i) for i in INSTANCES]

    def lab(self, word, *words):
        done = subprocess.run([LAB, word, "--dir", self.dir, *words], pass_fds=[self.read_end], env=self.env,
                              capture_output=True, text=True, timeout=LIMIT)
        if done.returncode != 0:
            raise RuntimeError("lab %s: %s%s" % (word, done.stdout, done.stderr))

    def say(self, instance, sql):
        i = self.instances[instance]
        with pymssql.connect(server=i["host"], port=str(i["port"]), user=i["user"], password=i["password"], autocommit=True) as c:
            c.cursor().execute(sql)

    def ask(self, **question):
        self.program.stdin.write(json.dumps(question) + "\n")
        self.program.stdin.flush()
        said = json.loads(self.program.stdout.readline())
        if "error" in said:
            raise RuntimeError("%s: %s" % (question, said["error"]))
        return said

    def revive(self):
        """Sessions that were ended come again, over the wire and inside."""
        for s in self.sessions:
            if s.instance not in self.down and not s.alive():
                s.close()
                s.open()

    def end(self):
        if self.program:
            for s in getattr(self, "sessions", []):
                s.close()
            self.program.stdin.close()
            self.program.wait(LIMIT)
        subprocess.run([LAB, "down", "--dir", self.dir], capture_output=True, timeout=LIMIT)
        os.close(self.keep)
        os.close(self.read_end)
        shutil.rmtree(self.root, ignore_errors=True)


# ---------------------------------------------------------------- what may be said: SQL, and the operation it means

def some(r, *words):
    """Some of them, each with one chance in four."""
    return [w for w in words if r.random() < 0.25]


FILES = []  # what was backed up of the database that is spoken of


def file_of(r, db, there=False):
    if there and FILES and r.random() < 0.85:
        return r.choice(FILES)
    return r.choice([SHARE, SHARE, SHARE, "D:\\Backup\\", "\\\\nowhere\\at all\\"][:r.choice((3, 3, 3, 4, 5))]) + "%s_%d.bak" % (
        r.choice([db, db, db, "other"]), r.randrange(3))


def with_words(words):
    return " WITH " + ", ".join(words) if words else ""


def backup(r, db):
    log = r.random() < 0.5
    words = some(r, "INIT", "FORMAT", "COPY_ONLY", "CHECKSUM", "NORECOVERY" if log else "DIFFERENTIAL") + (
        ["NO_TRUNCATE"] if log and r.random() < 0.1 else [])
    path, name = file_of(r, db), r.choice(["", "it's one"])
    sql = "BACKUP %s [%s] TO DISK = N'%s'" % ("LOG" if log else "DATABASE", db, path) + with_words(
        words + (["NAME = N'%s'" % name.replace("'", "''")] if name else []) + some(r, "STATS = 20", "NO_COMPRESSION", "REWIND"))
    return sql, dict(kind="BACKUP", db=db, path=[path], name=[name], flags=words + (["LOG"] if log else []))


def restore(r, db):
    log = r.random() < 0.4
    state = r.choice(["NORECOVERY", "NORECOVERY", "NORECOVERY", "RECOVERY", "STANDBY", ""])
    words = some(r, "REPLACE", "CHECKSUM") + some(r, "RESTRICTED_USER")
    path, position = file_of(r, db, True), r.choice([0, 0, 0, 0, 1, 2, 3])
    sql = "RESTORE %s [%s] FROM DISK = N'%s'" % ("LOG" if log else "DATABASE", db, path) + with_words(
        words + (["STANDBY = N'D:\\undo.dat'"] if state == "STANDBY" else [state] if state else [])
        + (["FILE = %d" % position] if position else []) + some(r, "STATS = 50", "BUFFERCOUNT = 7"))
    names = {"RESTRICTED_USER": "RESTRICTED"}
    return sql, dict(kind="RESTORE", db=db, path=[path], n=[position],
                     flags=[names.get(w, w) for w in words] + ([state] if state in ("NORECOVERY", "STANDBY") else [])
                     + (["LOG"] if log else []))


def restore_state(r, db):
    state = r.choice(["RECOVERY", "RECOVERY", "NORECOVERY", "STANDBY", ""])
    sql = "RESTORE DATABASE [%s]" % db + with_words(["STANDBY = N'D:\\undo.dat'"] if state == "STANDBY" else [state] if state else [])
    return sql, dict(kind="RESTORE_STATE", db=db, flags=[state] if state in ("NORECOVERY", "STANDBY") else [])


def alter(r, db):
    """ALTER DATABASE ... SET with the options that are one operation; never one that waits for others."""
    end, flag = r.choice([("ROLLBACK IMMEDIATE", "ROLLBACK"), ("NO_WAIT", "NO_WAIT"), ("ROLLBACK AFTER 1 SECONDS", "ROLLBACK")])
    word, kind, n, name = r.choice([
        ("SINGLE_USER", "ACCESS", 1, ""), ("MULTI_USER", "ACCESS", 0, ""), ("MULTI_USER", "ACCESS", 0, ""),
        ("RESTRICTED_USER", "ACCESS", 2, ""), ("OFFLINE", "OFFLINE", 0, ""), ("ONLINE", "ONLINE", 0, ""), ("ONLINE", "ONLINE", 0, ""),
        ("READ_ONLY", "READ_ONLY", 1, ""), ("READ_WRITE", "READ_ONLY", 0, ""), ("READ_WRITE", "READ_ONLY", 0, ""),
        ("RECOVERY FULL", "RECOVERY", 1, ""), ("RECOVERY FULL", "RECOVERY", 1, ""), ("RECOVERY BULK_LOGGED", "RECOVERY", 2, ""),
        ("RECOVERY SIMPLE", "RECOVERY", 3, ""), ("TRUSTWORTHY ON", "OPTION", 1, "trustworthy"),
        ("TRUSTWORTHY OFF", "OPTION", 0, "trustworthy"), ("AUTO_CLOSE ON", "OPTION", 1, "auto_close"),
        ("AUTO_CLOSE OFF", "OPTION", 0, "auto_close"), ("ENABLE_BROKER", "OPTION", 1, "broker"),
        ("DISABLE_BROKER", "OPTION", 0, "broker")])
    return "ALTER DATABASE [%s] SET %s WITH %s" % (db, word, end), dict(kind=kind, db=db, n=[n], name=[name], flags=[flag])


def mirror(r, db):
    address = r.choice(["TCP://a1:5022", "TCP://a2:5022", "TCP://a2:5022", "TCP://b1:5022", "TCP://aw:7022", "TCP://none:5022"])
    word, kind, n, path = r.choice([
        ("PARTNER FAILOVER", "FAILOVER", 0, ""), ("PARTNER FAILOVER", "FAILOVER", 0, ""),
        ("PARTNER FORCE_SERVICE_ALLOW_DATA_LOSS", "FORCE", 0, ""), ("PARTNER OFF", "PARTNER_OFF", 0, ""),
        ("PARTNER SUSPEND", "SUSPEND", 0, ""), ("PARTNER RESUME", "RESUME", 0, ""), ("PARTNER RESUME", "RESUME", 0, ""),
        ("PARTNER SAFETY OFF", "SAFETY", 1, ""), ("PARTNER SAFETY FULL", "SAFETY", 2, ""), ("PARTNER TIMEOUT 12", "TIMEOUT", 12, ""),
        ("WITNESS OFF", "WITNESS_OFF", 0, ""), ("PARTNER = N'%s'" % address, "PARTNER", 0, address),
        ("PARTNER = N'%s'" % address, "PARTNER", 0, address), ("WITNESS = N'TCP://aw:7022'", "WITNESS", 0, "TCP://aw:7022"),
        ("WITNESS = N'%s'" % address, "WITNESS", 0, address)])
    return "ALTER DATABASE [%s] SET %s" % (db, word), dict(kind=kind, db=db, n=[n], path=[path])


def database(r, db):
    name = r.choice([db, "new ]['one"])
    quoted = "[" + name.replace("]", "]]") + "]"
    return r.choice([
        ("CREATE DATABASE %s" % quoted, dict(kind="CREATE_DB", db=name)),
        ("DROP DATABASE %s" % quoted, dict(kind="DROP_DB", db=name)),
        ("ALTER AUTHORIZATION ON DATABASE::%s TO [sa]" % quoted, dict(kind="OWNER", db=name, name=["sa"])),
    ])


def insert(r, db):
    n = r.randrange(1, 4)
    return "INSERT INTO [%s].dbo.t (id) VALUES %s" % (db, ", ".join("(%d)" % r.randrange(1000) for _ in range(n))), dict(
        do="append", db=db, n=[n])


def endpoint(r, db):
    state, n = r.choice([("STARTED", 0), ("STARTED", 0), ("STOPPED", 1), ("DISABLED", 2)])
    role, k = r.choice([("PARTNER", 1), ("WITNESS", 2), ("ALL", 3)])
    name = r.choice(["Mirroring", "Mirroring", "Other"])
    return r.choice([
        ("ALTER ENDPOINT %s STATE = %s" % (name, state), dict(kind="ENDPOINT_STATE", name=[name], n=[0, n])),
        ("ALTER ENDPOINT %s STATE = STARTED" % name, dict(kind="ENDPOINT_STATE", name=[name], n=[0, 0])),
        ("DROP ENDPOINT %s" % name, dict(kind="ENDPOINT_DROP", name=[name])),
        ("CREATE ENDPOINT %s STATE = %s AS TCP (LISTENER_PORT = 5022) FOR DATABASE_MIRRORING (ROLE = %s)" % (name, state, role),
         dict(kind="ENDPOINT_CREATE", name=[name], n=[5022, n, k]))])


def exec_text(proc, **args):
    def value(v):
        return str(v) if isinstance(v, int) else "N'" + v.replace("'", "''") + "'"
    return "EXEC %s " % proc + ", ".join("@%s = %s" % (k, value(v)) for k, v in args.items())


def ship_primary(r, db):
    over = r.randrange(2)
    folder = SHARE.rstrip("\\")
    server, name = r.choice(["B1", "b1", "A2"]), r.choice([db, "copy of " + db])
    return r.choice([
        (exec_text("master.dbo.sp_add_log_shipping_primary_database", database=db, backup_directory=folder, backup_share=folder,
                   backup_job_name="LSBackup_" + db, backup_retention_period=4320, backup_threshold=45, threshold_alert_enabled=1,
                   history_retention_period=99, overwrite=over),
         dict(kind="LS_ADD_PRIMARY", db=db, path=[folder, folder], name=["LSBackup_" + db, ""], n=[4320, 45, 14420, 1, 99, 2],
              flags=["OVERWRITE"] * over)),
        (exec_text("master.dbo.sp_change_log_shipping_primary_database", database=db, backup_threshold=30),
         dict(kind="LS_CHANGE_PRIMARY", db=db, n=[-1, 30, -1, -1, -1, -1])),
        (exec_text("master.dbo.sp_delete_log_shipping_primary_database", database=db), dict(kind="LS_DELETE_PRIMARY", db=db)),
        (exec_text("master.dbo.sp_add_log_shipping_primary_secondary", primary_database=db, secondary_server=server,
                   secondary_database=name, overwrite=over),
         dict(kind="LS_ADD_PAIR", db=db, name=[server, name], flags=["OVERWRITE"] * over)),
        (exec_text("master.dbo.sp_delete_log_shipping_primary_secondary", primary_database=db, secondary_server=server,
                   secondary_database=name), dict(kind="LS_DELETE_PAIR", db=db, name=[server, name])),
        (exec_text("master.dbo.sp_add_log_shipping_alert_job"), dict(kind="LS_ADD_ALERT_JOB"))])


def ship_secondary(r, db):
    over, mode, users = r.randrange(2), r.randrange(2), r.randrange(2)
    server, folder = r.choice(["A1", "A1", "A2"]), SHARE.rstrip("\\")
    copies = r.choice(["D:\\copies", "D:\\elsewhere"])
    return r.choice([
        (exec_text("master.dbo.sp_add_log_shipping_secondary_primary", primary_server=server, primary_database=db,
                   backup_source_directory=folder, backup_destination_directory=copies, copy_job_name="LSCopy_" + db,
                   restore_job_name="LSRestore_" + db, file_retention_period=4320, overwrite=over),
         dict(kind="LS_ADD_SECONDARY", db=db, name=[server, "LSCopy_" + db, "LSRestore_" + db, ""], path=[folder, copies], n=[4320],
              flags=["OVERWRITE"] * over)),
        (exec_text("master.dbo.sp_change_log_shipping_secondary_primary", primary_server=server, primary_database=db,
                   backup_destination_directory=copies),
         dict(kind="LS_CHANGE_SECONDARY", db=db, name=[server], path=["", copies], n=[-1])),
        (exec_text("master.dbo.sp_delete_log_shipping_secondary_primary", primary_server=server, primary_database=db),
         dict(kind="LS_DELETE_SECONDARY", db=db, name=[server])),
        (exec_text("master.dbo.sp_add_log_shipping_secondary_database", secondary_database=db, primary_server=server,
                   primary_database=db, restore_mode=mode, disconnect_users=users, overwrite=over),
         dict(kind="LS_ADD_SECONDARY_DB", db=db, name=[server, db], n=[0, 1, mode, users, 45, 14420, 1, 14420, -1, -1, -1],
              flags=["OVERWRITE"] * over)),
        (exec_text("master.dbo.sp_change_log_shipping_secondary_database", secondary_database=db, restore_mode=mode,
                   disconnect_users=users),
         dict(kind="LS_CHANGE_SECONDARY_DB", db=db, n=[-1, -1, mode, users, -1, -1, -1, -1, -1, -1, -1])),
        (exec_text("master.dbo.sp_delete_log_shipping_secondary_database", secondary_database=db),
         dict(kind="LS_DELETE_SECONDARY_DB", db=db))])


def job(r, db):
    name = r.choice(["LSBackup_", "LSBackup_", "LSCopy_", "LSRestore_", "LSCopy_A1_", "LSRestore_A1_", "none_"]) + db
    n = r.randrange(2)
    return r.choice([
        (exec_text("msdb.dbo.sp_start_job", job_name=name), dict(kind="JOB_START", job=name)),
        (exec_text("msdb.dbo.sp_start_job", job_name=name), dict(kind="JOB_START", job=name)),
        (exec_text("msdb.dbo.sp_start_job", job_name=name), dict(kind="JOB_START", job=name)),
        (exec_text("msdb.dbo.sp_stop_job", job_name=name), dict(kind="JOB_STOP", job=name)),
        (exec_text("msdb.dbo.sp_update_job", job_name=name, enabled=n), dict(kind="JOB_UPDATE", job=name, n=[n])),
        (exec_text("msdb.dbo.sp_add_jobschedule", job_name=name, name="s", freq_type=4, freq_interval=1, freq_subday_type=4,
                   freq_subday_interval=20), dict(kind="JOB_SCHEDULE", job=name, n=[20]))] + [
        (exec_text("msdb.dbo.sp_delete_job", job_name=name), dict(kind="JOB_DELETE", job=name))] * (r.random() < 0.2))


def use(r, db):
    name = r.choice([db, db, "master", "nothing"])
    return "USE [%s]" % name, dict(kind="USE", db=name)


def tran(r, db):
    return r.choice([("BEGIN TRAN", dict(kind="TRAN", n=[1])), ("ROLLBACK", dict(kind="TRAN", n=[0])),
                     ("COMMIT", dict(kind="TRAN", n=[0]))])


STATEMENTS = [backup] * 6 + [restore] * 5 + [restore_state] + [alter] * 5 + [mirror] * 6 + [database] + [insert] * 4 + [endpoint] + [
    ship_primary] * 2 + [ship_secondary] * 2 + [job] * 5 + [use] * 2 + [tran]


def fault(r, lab):
    """What no statement can do, done to both worlds."""
    where = r.choice(INSTANCES)
    ids = {name: n for n, name in enumerate(lab.order, 1)}
    shares = 1
    return r.choice([
        dict(kind="INSTANCE_POWER", instance=where, n=[0]), dict(kind="INSTANCE_POWER", instance=where, n=[0]),
        dict(kind="FAULT_AGENT", instance=where, n=[0]), dict(kind="FAULT_AGENT", instance=where, n=[1]),
        dict(kind="FAULT_WITNESS", instance="aw", n=[1]), dict(kind="FAULT_WITNESS", instance="aw", n=[0]),
        dict(kind="FAULT_DISK", subject=shares, n=[1]), dict(kind="FAULT_DISK", subject=shares, n=[0]),
        dict(kind="FAULT_SHARE", subject=shares, n=[1]), dict(kind="FAULT_SHARE", subject=shares, n=[0]),
        dict(kind="FAULT_TRANSIENT", instance=where, n=[r.choice([1404, 1421, 1438])])]) if ids else None


# ---------------------------------------------------------------- playing

class Play:
    def __init__(self, lab, r):
        self.lab, self.r, self.wrong, self.said = lab, r, [], []

    def tell(self, text):
        self.said.append(text)
        if TALK:
            print("# " + text, flush=True)

    def compare(self, what):
        differs = self.lab.ask(do="compare")["differs"]
        self.wrong += ["%s: %s" % (what, d) for d in differs]
        return not differs

    def both(self, op):
        self.tell("fault %s" % op)
        for door in ("lab", "run"):
            self.lab.ask(**dict(op, do=door))

    def power_back(self):
        for i in sorted(self.lab.down):
            self.both(dict(kind="INSTANCE_POWER", instance=i, n=[1]))
        self.lab.down.clear()

    def fault(self):
        op = fault(self.r, self.lab)
        if self.lab.down and self.r.random() < 0.6:
            self.power_back()
        self.both(op)
        if op["kind"] == "INSTANCE_POWER":
            self.lab.down.add(op["instance"])

    def statement(self):
        r = self.r
        db, make = r.choice(DATABASES), r.choice(STATEMENTS)
        there = [s for s in self.lab.sessions if s.instance not in self.lab.down]
        second = self.lab.sessions[len(INSTANCES):]
        if make in (use, tran):
            there = [s for s in there if s in second] or there
        usual = "b1" if make in (ship_secondary, restore, restore_state) else "a1"
        session = r.choice([s for s in there if s.instance == usual] or there) if r.random() < 0.6 else r.choice(there)
        FILES[:] = [path for path, of in self.lab.written if of == db]
        sql, op = make(r, db)
        if make is tran and session.tran and sql == "BEGIN TRAN":  # a second one is counted, and no operation
            return
        number = session.run(sql)
        self.tell("%s/%d: %s -> %s" % (session.instance, session.spid, sql, number))
        if number in BY_THE_DOOR:
            return
        if make is insert and session.tran and number == 0:  # nothing is in the log before it is committed
            session.pending.append(op)
            return
        if make is tran and number == 0:
            for deed in session.pending if sql == "COMMIT" else []:
                self.inside(session, deed)
            session.tran, session.pending = sql == "BEGIN TRAN", []
        self.judge(sql, number, self.inside(session, op))
        if number == 0 and make is backup:
            self.lab.written.append((op["path"][0], db))

    def inside(self, session, op):
        return self.lab.ask(**dict(dict(do="run"), **op, instance=session.instance, spid=session.spid))

    def judge(self, sql, number, inside):
        """Both say the same: well done, or failed with a number that both know."""
        numbers = [IN_SQL.get((sql.split()[0], n), n) for n in inside["numbers"] if n not in (5060, 14243, 1446)]
        if number is None:
            return  # the session ended; what is left of it is compared
        if (number == 0) != (inside["status"] == DONE) or (number != 0 and number not in numbers):
            self.wrong.append("%s: %s over the wire, %s %s inside" % (sql, number, inside["status"], numbers))

    def scenario(self):
        for _ in range(STEPS):
            if self.r.random() < 0.12:
                self.fault()
            else:
                self.statement()
            self.compare(self.said[-1] if self.said else "")  # waits until nothing moves
            self.lab.revive()
            if self.wrong:
                return False
        self.power_back()
        self.lab.revive()
        return self.compare("at the end")


def main():
    seed = int(os.environ.get("SEED", random.randrange(1 << 30) if LONG else 11))
    count = int(os.environ.get("SCENARIOS", 2000 if LONG else 24))
    print("1..3")
    print("# seed %d, %d scenarios of %d statements; chapters of %d have a seed of their own" % (seed, count, STEPS, CHAPTER), flush=True)
    played = good = statements = worked = 0
    wrong = []
    begun = time.monotonic()
    for chapter in range((count + CHAPTER - 1) // CHAPTER):
        r = random.Random(seed * 100003 + chapter)
        lab = Lab()
        lab.order = list(lab.instances)
        try:
            for _ in range(min(CHAPTER, count - played)):
                play = Play(lab, r)
                played += 1
                well = play.scenario()
                statements += len(play.said)
                worked += sum(s.endswith("-> 0") for s in play.said)
                good += well
                if not well:
                    wrong += ["chapter %d (SEED=%d):" % (chapter, seed), *play.said[-6:], *play.wrong[:6]]
                    break
        finally:
            lab.end()
    took = time.monotonic() - begun
    print("%sok 1 - statements over TDS and operations inside leave the same world" % ("not " if wrong else ""))
    for line in wrong[:60]:
        print("# " + line.replace("\n", " / ")[:900])
    print("%sok 2 - every scenario was played" % ("" if good == count or wrong else "not "))
    print("%sok 3 - enough of the statements did something" % ("" if worked * 6 > statements or wrong else "not "))
    print("# %d scenarios, %d statements (%d without an error) in %.1f s" % (played, statements, worked, took))
    return 1 if wrong or good != count or worked * 6 <= statements else 0


if __name__ == "__main__":
    sys.exit(main())
