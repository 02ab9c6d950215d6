"""What tests share that play a whole story in a lab of their own: the lab in a folder, faults, traffic, the program as an
operator runs it, and the fingerprint of the lab's end state.

A lab made here dies with the process that made it (--owner-fd), whatever happens to that process; its ports are the
lab's own choice, its folder is new, so any number of tests run side by side.  The fingerprint is taken over the wire with
pymssql and `switchback status`; it holds what an operator would compare (states, roles, partners, log-shipping pairs,
jobs, pool state, active list, servers) and nothing that differs between two good runs (identifiers, LSNs, times, ports,
file names).  What a test concludes from it is the test's affair.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

try:
    import pymssql
except ImportError:  # the distribution's interpreter has it
    if sys.executable != "/usr/bin/python3" and os.path.exists("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])
    print("1..0 # SKIP python3-pymssql is not installed")
    sys.exit(0)

BUILD = os.path.abspath(os.environ.get("SWITCHBACK_BUILD_DIR", "build"))
SOURCE = os.path.abspath(os.environ.get("SB_SRCDIR", os.path.join(os.path.dirname(__file__), "../..")))
PROGRAM = os.path.join(BUILD, "switchback")
LIMIT = 120  # seconds; no command of a test takes longer, else it hangs

# What is asked of every instance: (name, statement, what a row is called by).  Only columns that say how things stand.
VIEWS = (
    ("databases", "SELECT name, state_desc, user_access_desc, recovery_model_desc, is_in_standby, is_read_only, is_trustworthy_on "
     "FROM sys.databases WHERE database_id > 4"),
    ("mirroring", "SELECT d.name, m.mirroring_role_desc, m.mirroring_state_desc, m.mirroring_safety_level_desc, "
     "m.mirroring_partner_instance, m.mirroring_witness_state_desc FROM sys.database_mirroring m "
     "JOIN sys.databases d ON d.database_id = m.database_id WHERE m.mirroring_guid IS NOT NULL"),
    ("primaries", "SELECT primary_database, backup_directory, backup_share, backup_retention_period "
     "FROM msdb.dbo.log_shipping_primary_databases"),
    ("pairs", "SELECT p.primary_database, s.secondary_server, s.secondary_database FROM msdb.dbo.log_shipping_primary_secondaries s "
     "JOIN msdb.dbo.log_shipping_primary_databases p ON p.primary_id = s.primary_id"),
    ("secondaries", "SELECT primary_server, primary_database, backup_source_directory, backup_destination_directory, "
     "file_retention_period FROM msdb.dbo.log_shipping_secondary"),
    ("secondary databases", "SELECT secondary_database, restore_delay, restore_all, restore_mode, disconnect_users "
     "FROM msdb.dbo.log_shipping_secondary_databases"),
    ("jobs", "SELECT name, enabled FROM msdb.dbo.sysjobs"),
)


class Ended(Exception):
    """A command ended otherwise than expected."""


def until(what, condition, seconds=30):
    """Waits for a named condition with a deadline; what it gave."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"gave up after {seconds} s: {what}")
        time.sleep(0.05)


def die_with_us():
    """Runs in a child before it becomes the program: it ends when the thread that started it does, however that happens."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def processes_of(folder):
    """Process ids and command lines that name this folder."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().decode(errors="replace").split("\0")
        except OSError:
            continue
        if int(pid) != os.getpid() and any(folder in w for w in words):
            found.append(f"{pid}: {' '.join(words)}")
    return found


class Lab:
    """A lab and a state folder in a new folder.  `topology` is a file to build it from (default: the packaged one)."""

    def __init__(self, topology=None, dark_after="1s", root=None, options=()):
        self.folder = tempfile.mkdtemp(prefix="sb-lab-", dir=root)
        self.dir = os.path.join(self.folder, "lab")
        self.state = os.path.join(self.folder, "state")
        self.topology = os.path.join(self.dir, "topology.ini")
        read_end, self.owner = os.pipe()
        words = [PROGRAM, "lab", "up", "--dir", self.dir, "--owner-fd", str(read_end), *options]
        if topology:
            words += ["-t", topology]
        try:
            done = subprocess.run(words, pass_fds=[read_end], capture_output=True, text=True, timeout=LIMIT, check=False)
        finally:
            os.close(read_end)
        if done.returncode != 0:
            self.end()
            raise Ended(f"lab up ended with {done.returncode}: {done.stdout}{done.stderr}")
        with open(self.topology, encoding="utf-8") as f:
            text = f.read()
        with open(f"{self.topology}.new", "w", encoding="utf-8") as f:
            f.write(re.sub(r"(?m)^dark after = .*$", f"dark after = {dark_after}", text))
        os.replace(f"{self.topology}.new", self.topology)  # the lab reads it too

    def end(self):
        """Takes the lab down and removes the folder."""
        if os.path.exists(os.path.join(self.dir, "lab.json")):
            subprocess.run([PROGRAM, "lab", "down", "--dir", self.dir], capture_output=True, timeout=LIMIT, check=False)
        os.close(self.owner)
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    # ---- the program

    def words(self, *words):
        return [PROGRAM, *words, "-t", self.topology, "--state", self.state]

    def switchback(self, *words, good=(0,), **how):
        """Runs the program to its end; what it printed on both channels.  `good` None: any end will do."""
        done = self.run(*words, **how)
        if good is not None and done.returncode not in good:
            raise Ended(f"switchback {' '.join(words)} ended with {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def run(self, *words, **how):
        return subprocess.run(self.words(*words), capture_output=True, text=True, timeout=LIMIT, check=False,
                              stdin=subprocess.DEVNULL, **how)

    def start(self, *words, log=None, **how):
        """Starts the program; it runs beside the test.  Output goes to the file `log`."""
        how.setdefault("preexec_fn", die_with_us)
        out = open(log or os.path.join(self.folder, "background.log"), "a", encoding="utf-8")
        with out:
            return subprocess.Popen(self.words(*words), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, **how)

    def json_of(self, *words, good=(0, 1, 4)):
        return json.loads(self.switchback(*words, "--json", good=good))

    def lab_does(self, verb, *words):
        done = subprocess.run([PROGRAM, "lab", verb, "--dir", self.dir, *words], capture_output=True, text=True, timeout=LIMIT,
                              check=False)
        if done.returncode != 0:
            raise Ended(f"lab {verb} {' '.join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def fault(self, *words):
        self.lab_does("fault", *words)

    def traffic(self, rate=20, first=20):
        """People chat from now on; returns when the first messages were acknowledged."""
        already = len(self.ledger())
        self.lab_does("traffic", "start", "--rate", str(rate))
        until(f"{first} messages are acknowledged", lambda: len(self.ledger()) >= already + first)

    def quiet(self):
        self.lab_does("traffic", "stop")

    # ---- the journal, looked at from outside

    def records(self):
        """Number of records in the journal; 0 while there is none."""
        path = os.path.join(self.state, "journal.db")
        if not os.path.exists(path):
            return 0
        try:
            db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1)
            try:
                return db.execute("SELECT coalesce (max (seq), 0) FROM records").fetchone()[0]
            finally:
                db.close()
        except sqlite3.Error:
            return 0

    # ---- the truth

    def json(self):
        with open(os.path.join(self.dir, "lab.json"), encoding="utf-8") as f:
            return json.load(f)

    def pids(self):
        return [s["pid"] for s in self.json()["sites"] if s["pid"]]

    def instances(self, site=None):
        return [i for i in self.json()["instances"] if site in (None, i["site"])]

    def connect(self, instance, database="master"):
        i = next(i for i in self.json()["instances"] if i["name"] == instance)
        return pymssql.connect(server=i["host"], port=str(i["port"]), user=i["user"], password=i["password"], database=database,
                               login_timeout=15, timeout=30, autocommit=True)

    def sql(self, instance, text, *args, database="master"):
        """Rows of the first result; all results are taken, so that a BACKUP is over."""
        db = self.connect(instance, database)
        try:
            cursor = db.cursor()
            cursor.execute(text, args)
            rows = cursor.fetchall() if cursor.description else []
            while cursor.nextset():
                pass
            return rows
        finally:
            db.close()

    def ledger(self):
        """What was acknowledged to a client: dictionaries with id, server, instance, acked_ms."""
        path = os.path.join(self.dir, "ledger.jsonl")
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.endswith("\n")]

    def messages(self, instance, database="mgc"):
        """Identifiers of the messages of the traffic that this copy holds."""
        found = set()
        for (content,) in self.sql(instance, "SELECT content FROM dbo.tblChat", database=database):
            match = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", content)
            found.add(match.group(0) if match else content)
        return found

    def salvaged(self):
        """Identifiers in all salvage lists."""
        found = set()
        for root, _, files in os.walk(os.path.join(self.state, "runs")):
            for name in files:
                if name.startswith("salvage-") and name.endswith(".jsonl"):
                    with open(os.path.join(root, name), encoding="utf-8") as f:
                        for line in f:
                            found.update(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", json.loads(line)["content"]))
        return found

    def after_point(self, lsn, database="mgc"):
        """Identifiers of the messages acknowledged after this LSN, as the lab itself counts."""
        return set(json.loads(self.lab_does("traffic", "report", "--json", "--point", f"{database}:{lsn}"))["after_point"])

    def fingerprint(self):
        """How the lab stands, as sorted lines of text: two good runs give the same lines."""
        lines = []
        for i in self.instances():
            for view, statement in VIEWS:
                try:
                    rows = self.sql(i["name"], statement)
                except (pymssql.Error, OSError) as e:
                    lines.append(f"{i['name']}: does not answer ({type(e).__name__})")
                    break
                lines += [f"{i['name']}: {view}: {' | '.join(str(v) for v in row)}" for row in rows]
        world = json.loads(self.lab_does("status", "--json"))
        lines.append(f"pool: {world['pool state']}; active: {', '.join(sorted(world['active']))}; central store: {world['central store']}")
        for s in world["servers"]:
            lines.append(f"server {s['name']}: {'running' if s['running'] else 'stopped'}, replica says {s['replica state']}")
        for s in world["sites"]:
            lines.append(f"site {s['name']}: {'powered' if s['powered'] else 'dark'}{', held off' if s['held off'] else ''}")
        pool = next(o for o in self.json_of("status")["servers"] if o["kind"] == "pool")
        lines.append(f"status: {pool['sentence']}")
        return sorted(re.sub(r"_[0-9]{14}|127\.0\.0\.1[:,][0-9]+", "_", line) for line in lines)


# ---- TAP

class Tap:
    """One test a line; what went wrong stands in comments after it."""

    def __init__(self):
        self.number = self.failed = 0

    def ok(self, good, title, said=""):
        self.number += 1
        print(f"{'ok' if good else 'not ok'} {self.number} - {title}", flush=True)
        if not good:
            self.failed += 1
            for line in str(said).splitlines():
                print(f"# {line}", flush=True)
        return bool(good)

    @staticmethod
    def note(text):
        for line in str(text).splitlines():
            print(f"# {line}", flush=True)

    def done(self):
        print(f"1..{self.number}", flush=True)
        return 1 if self.failed else 0


def difference(expected, found):
    """What the second list of lines has more (+) and less (-) than the first."""
    return [f"- {line}" for line in expected if line not in found] + [f"+ {line}" for line in found if line not in expected]
