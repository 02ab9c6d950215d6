#!/usr/bin/env python3
"""Bad nights: a run is killed on its way, resumed, and the lab must end as if nothing had happened.

A story is a lab of its own in which the power of the first site goes off while people chat, `failover` is run, the site
comes back, and `failback` is run.  Each of the two runs is disturbed once:

    before-commit N, after-commit N   the program dies at that boundary of its journal (needs --enable-fault-points)
    records N                         it is killed from outside when its journal holds N records
    moment F                          it is killed after the fraction F of the time that an undisturbed run takes
    twice F                           the same, and the first `resume` is killed as well
    lane F                            one of its worker processes is killed
    int F                             it gets SIGINT
    storm F                           SIGSTOP and SIGCONT in turns, then SIGHUP, SIGTERM and SIGINT together
    pause F                           it is stopped for some seconds and goes on
    disk N                            it may write files of at most N KiB: a full disk under its journal
    torn N                            its n-th write to the journal is cut somewhere, and it dies there
    short N                           from the n-th on each write takes a part of what it should; nothing else happens
    full N, readonly N, broken N      from the n-th write on: no space, a read-only file system, a medium with faults
    unsynced N                        from the n-th sync on: what was written may not have reached the medium
    jump F                            its clock jumps by hours while it runs, ahead or back
    late F                            it is killed, and the clock jumps before it is resumed

and then resumed until it says that nothing is left.  What counts is the end state: the fingerprint of the lab after each
run equals that of an undisturbed story; no message acknowledged up to the quoted point is lost in failover, none at all in
failback, and what only the old copy had is in the salvage list; the journal's chain holds; no process is left.

    torture.py                        a sample that fits in a check (a minute or two), chosen by SB_SEED, else by the commit;
                                      the seed is printed
    torture.py --long FILE            every boundary and 50 moments; FILE gets a table
    torture.py 'records 17/lane 0.4'  this story (failover/failback), to look at a failure again; --keep leaves its lab
"""

import argparse
import contextlib
import concurrent.futures
import datetime
import os
import random
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import BUILD, SOURCE, Lab, Tap, die_with_us, difference, until  # noqa: E402

RESUMES = 8  # a run that is not done after so many has not been resumed, it is stuck
MARK = "SWITCHBACK_TORTURE"
FAILING_DISKS = ("torn", "short", "full", "readonly", "broken", "unsynced")  # see tests/lib/disk.c
JUMPS = (-43200, -3600, 3600, 43200)  # seconds; the lab's certificates hold from a day before it was made
CUTS = ((0, 1, 23, 24, 100, 4000), (100, 512, 4000))  # bytes that a torn and a short write leave; a page has 4096, its header 24


def fault_points():
    """Was the program built with --enable-fault-points?"""
    with open(os.path.join(BUILD, "config.h"), encoding="utf-8") as f:
        return "#define SB_FAULT_POINTS" in f.read()


def preloaded(*names):
    """Environment that loads these libraries of tests/lib before all others."""
    files = ":".join(os.path.join(BUILD, "tests", "lib", ".libs", name + ".so") for name in names)
    options = os.environ.get("ASAN_OPTIONS", "")
    return {"LD_PRELOAD": files, "ASAN_OPTIONS": f"{options}:verify_asan_link_order=0:detect_leaks=0"}


def commit():
    """What stands for this state of the sources; none outside a clone."""
    done = subprocess.run(["git", "-C", SOURCE, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


class Story:
    """One lab, two runs, each disturbed once.  `hurt` maps a workflow to a disturbance as text; none: undisturbed."""

    def __init__(self, hurt, norm, seed, keep=False):
        self.hurt, self.norm, self.keep = hurt, norm, keep
        self.dice = random.Random(f"{seed} {sorted(hurt.items())}")
        self.faults, self.seen, self.log = [], {}, []
        self.struck = {}  # workflow -> how the disturbed process ended
        self.seconds, self.records, self.writes, self.syncs = {}, {}, {}, {}
        self.clock = {}  # what all processes of this run see of the clock

    def title(self):
        return "/".join(self.hurt.get(w, "nothing") for w in ("failover", "failback"))

    def wrong(self, text):
        self.faults.append(text)

    # ---- processes of ours

    def ours(self, word=None):
        """Processes that carry this story's mark (the lab's do not), perhaps only those with a word among their arguments."""
        found, mark = [], f"{MARK}={self.lab.folder}".encode()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as f:
                    if mark not in f.read().split(b"\0"):
                        continue
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if word is None or word.encode() in f.read().split(b"\0"):
                        found.append(int(pid))
            except OSError:
                continue
        return found

    def none_left(self, when):
        try:
            until("no process is left", lambda: not self.ours(), 10)
        except TimeoutError:
            self.wrong(f"{when}: processes are left: {self.ours()}")

    # ---- disturbances: each gets the process and ends it or lets it end

    def set_clock(self, seconds):
        """From now on the clock of all processes of this run is off by so much."""
        path = os.path.join(self.lab.folder, "clock")
        with open(f"{path}.new", "w", encoding="ascii") as f:
            f.write(f"{seconds}\n")
        os.replace(f"{path}.new", path)
        self.clock = {"SB_CLOCK_FILE": path, **preloaded("jump")}

    def start(self, words, env=None, limit=None):
        def prepare():
            die_with_us()
            if limit:
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

        return self.lab.start(*words, log=self.out, env={**os.environ, MARK: self.lab.folder, **self.clock, **(env or {})},
                              preexec_fn=prepare)

    def finish(self, process):
        try:
            return process.wait(180)
        except subprocess.TimeoutExpired:
            process.kill()
            self.wrong(f"it hung: {process.args}")
            return process.wait()

    def at(self, process, seconds):
        """True when the process still runs after so many seconds."""
        try:
            process.wait(seconds)
            return False
        except subprocess.TimeoutExpired:
            return True

    def disturbed(self, workflow, words, how):
        """Starts the program and disturbs it; its exit code (negative: the signal)."""
        kind, value = how.split()
        base = self.lab.records()
        expected = self.norm.seconds.get(workflow, 5) if self.norm else 5
        if kind in ("before-commit", "after-commit", "after-act", "on-answer"):
            return self.finish(self.start(words, env={"SWITCHBACK_DIE_AT": f"{kind}:{value}"}))
        if kind in FAILING_DISKS:
            return self.finish(self.start(words, env={"SB_DISK": f"{kind} {value} {self.dice.choice(CUTS[kind == 'short'])}",
                                                      **preloaded("disk")}))
        if kind == "disk":
            used = sum(os.path.getsize(p) for p in (os.path.join(self.lab.state, "journal.db"),) if os.path.exists(p))
            return self.finish(self.start(words, limit=used + int(value) * 1024))
        if kind == "jump":
            self.set_clock(0)
        process = self.start(words)
        if kind == "records":
            while process.poll() is None and self.lab.records() < base + int(value):
                time.sleep(0.002)
            process.kill()
        elif self.at(process, float(value) * expected):
            if kind in ("moment", "twice"):
                process.kill()
            elif kind == "int":
                process.send_signal(signal.SIGINT)
            elif kind in ("storm", "pause"):
                self.storm(process, kind)
            elif kind == "jump":
                self.set_clock(self.dice.choice(JUMPS))
            elif kind == "late":
                process.kill()
                process.wait()
                self.set_clock(self.dice.choice(JUMPS))
            elif kind == "lane":
                lanes = self.ours("__lane")
                if lanes:
                    with contextlib.suppress(ProcessLookupError):  # it may have ended by itself meanwhile
                        os.kill(self.dice.choice(lanes), signal.SIGKILL)
                    self.struck[workflow] = "lane killed"
        return self.finish(process)

    def storm(self, process, kind):
        for _ in range(self.dice.randint(3, 8) if kind == "storm" else 1):
            process.send_signal(signal.SIGSTOP)
            time.sleep(self.dice.uniform(0.01, 0.2) if kind == "storm" else self.dice.choice((1, 3, 8)))
            process.send_signal(signal.SIGCONT)
        if kind == "storm":
            ends = [signal.SIGHUP, signal.SIGTERM, signal.SIGINT] * 2
            self.dice.shuffle(ends)
            for number in ends:
                process.send_signal(number)

    # ---- a run, from its start to its end, over all deaths

    def begun(self, workflow):
        path = os.path.join(self.lab.state, "journal.db")
        if not os.path.exists(path):
            return False
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            return db.execute("SELECT count (*) FROM runs WHERE workflow = ?", (workflow,)).fetchone()[0] > 0
        except sqlite3.OperationalError:  # it died before the tables were made
            return False
        finally:
            db.close()

    def counted(self, workflow, words):
        """Undisturbed; how often it wrote to its journal is found out for those that will be disturbed."""
        path = os.path.join(self.lab.folder, "writes")
        code = self.finish(self.start(words, env={"SB_DISK": "count 0 0", "SB_DISK_LOG": path, **preloaded("disk")}))
        with open(path, encoding="ascii") as f:
            self.writes[workflow], self.syncs[workflow] = map(int, f.read().split())
        return code

    def carry_out(self, workflow):
        how = self.hurt.get(workflow)
        began, codes, self.clock = time.monotonic(), [], {}
        words = ("run", workflow, "--approve", "all")
        code = self.disturbed(workflow, words, how) if how else self.counted(workflow, words)
        codes.append(code)
        self.judge_end(workflow, how, code)
        if how and how.startswith("twice") and code != 0:
            again = ("resume", "--approve", "all") if self.begun(workflow) else words
            codes.append(self.disturbed(workflow, again, f"moment {self.dice.random() / 2:.2f}"))
        while codes[-1] != 0 and len(codes) < RESUMES:
            self.none_left(f"{workflow} ended with {codes[-1]}")
            codes.append(self.finish(self.start(("resume", "--approve", "all") if self.begun(workflow) else words)))
        self.seconds[workflow] = time.monotonic() - began
        self.records[workflow] = self.lab.records() - sum(self.records.values())
        self.log.append(f"{workflow}: {how or 'undisturbed'}: ended with {', then '.join(map(str, codes))}")
        self.struck.setdefault(workflow, str(codes[0]))
        if codes[-1] != 0:
            self.wrong(f"{workflow}: not done after {len(codes)} attempts: {codes}")
        self.none_left(f"{workflow} is over")
        if self.lab.run("journal", "verify").returncode != 0:
            self.wrong(f"{workflow}: the journal's chain does not hold")

    def judge_end(self, workflow, how, code):
        """A disturbed process ends in the way that was promised for its case, or undisturbed."""
        kind = how.split()[0] if how else "nothing"
        good = PROMISED.get(kind, (0, -signal.SIGKILL))
        if kind in ("int", "storm") and code in (-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP) and not self.begun(workflow):
            return  # it came before the program listened for signals: nothing was begun, the shell's own way to end
        if code not in good:
            self.wrong(f"{workflow}: {how}: ended with {code}, promised is one of {good}")
        if code == 6:
            with open(self.out, encoding="utf-8") as f:
                said = f.read()
            if "HINT:" not in said:
                self.wrong(f"{workflow}: {how}: nothing was said to help")

    def compare(self, workflow):
        """The lab comes to stand as after the undisturbed story, within the time that replication takes."""
        def same():
            self.seen[workflow] = self.lab.fingerprint()
            return not self.norm or self.seen[workflow] == self.norm.seen[workflow]

        try:
            until("the lab stands as it should", same, 15)
        except TimeoutError:
            self.wrong(f"{workflow}: the lab stands otherwise than after an undisturbed story:\n"
                       + "\n".join(difference(self.norm.seen[workflow], self.seen[workflow])))

    # ---- the story

    def play(self):
        try:
            self.play_in_lab()
        except Exception as e:
            self.wrong(f"there was no lab to play in: {type(e).__name__}: {e}")
        return self

    def play_in_lab(self):
        with Lab() as lab:
            self.lab = lab
            self.out = os.path.join(lab.folder, "program.log")
            try:
                self.night()
            except Exception as e:  # whatever breaks the story is its failure; the others go on
                self.wrong(f"the story broke off: {type(e).__name__}: {e}")
            self.none_left("at the end")
            if self.faults:
                self.log.append(f"lab: {lab.folder}")
                if os.path.exists(self.out):
                    with open(self.out, encoding="utf-8") as f:
                        self.log += f.read().splitlines()[-400:]
            if self.keep:
                print(f"# the lab stands in {lab.folder}; press Return to end it", flush=True)
                sys.stdin.readline()

    def site(self, name):
        return {i["name"] for i in self.lab.instances(name)}

    def night(self):
        lab = self.lab
        north, south = self.site("north"), self.site("south")
        lab.traffic(rate=20, first=40)
        off = time.time() * 1000
        lab.fault("power-off", "site", "north")
        self.carry_out("failover")
        self.compare("failover")
        until("somebody chats in the second site", lambda: any(e["instance"] in south for e in lab.ledger()), 60)
        lost = self.account_of_failover(north, off)
        back = time.time() * 1000
        lab.fault("power-on", "site", "north")
        self.watch()
        failback = time.time() * 1000
        self.carry_out("failback")
        self.compare("failback")
        until("somebody chats at home again",
              lambda: any(e["acked_ms"] > failback and e["instance"] in north for e in lab.ledger()), 60)
        self.account_of_failback(north, south, off, back, failback, lost)

    def watch(self):
        """Between the runs the watch pays what is owed; now and then it is killed while it does, and failback has to pay."""
        choice = self.dice.choice(("pays", "is killed", "does not run")) if self.hurt else "pays"
        if choice == "does not run":
            return
        process = self.start(("watch", "--old-site"))
        if choice == "is killed":
            if self.at(process, self.dice.uniform(0.05, 2)):
                process.kill()
        else:
            until("the watch has paid what is owed", lambda: not self.lab.json_of("status")["owed"], 60)
            process.terminate()
        self.finish(process)
        self.none_left("the watch is over")
        self.log.append(f"the watch {choice}")

    def account_of_failover(self, north, off):
        report = self.lab.json_of("report")
        point = next(s["results"] for s in report["steps"] if s["step"].startswith("quote["))
        live = self.lab.messages("south-sql1")
        lost = {e["id"] for e in self.lab.ledger() if e["instance"] in north and e["acked_ms"] <= off + 1000} - live
        early = lost - self.lab.after_point(point["lsn"])
        if early:
            self.wrong(f"failover: {len(early)} messages acknowledged before the quoted point are lost: {sorted(early)[:5]}")
        return lost

    def account_of_failback(self, north, south, off, back, failback, lost):
        self.lab.quiet()
        ledger, home, salvaged = self.lab.ledger(), self.lab.messages("north-sql1"), self.lab.salvaged()
        gone = [e["id"] for e in ledger if e["instance"] in south and e["id"] not in home]
        if gone:
            self.wrong(f"failback: {len(gone)} messages acknowledged in the second site are lost: {gone[:5]}")
        late = [e["id"] for e in ledger if e["instance"] in north and e["acked_ms"] >= back and e["id"] not in home | salvaged]
        if late:
            self.wrong(f"failback: {len(late)} stray messages are neither at home nor in the salvage list: {late[:5]}")
        if lost - salvaged:
            self.wrong(f"failback: {len(lost - salvaged)} messages lost at failover are not in the salvage list")


# ---- which stories

def some_disturbance(dice, kind, norm, workflow):
    if kind == "records":
        return f"records {dice.randint(1, norm.records[workflow])}"
    if kind == "disk":
        return f"disk {dice.randint(0, 200)}"
    if kind.endswith("commit"):
        return f"{kind} {dice.randint(1, norm.records[workflow] // 2)}"
    if kind in FAILING_DISKS:
        return f"{kind} {dice.randint(1, (norm.syncs if kind == 'unsynced' else norm.writes)[workflow])}"
    return f"{kind} {dice.uniform(0.02, 0.95):.2f}"


def sample(dice, norm):
    """Few stories: both boundaries, and eight of the other disturbances."""
    kinds = dice.sample(("moment", "lane", "int", "twice", "disk", "storm", "pause", "jump", "late", *FAILING_DISKS), 8)
    kinds += list(BOUNDARIES) if fault_points() else ["records", "records"]
    dice.shuffle(kinds)
    return [{w: some_disturbance(dice, kinds.pop(), norm, w) for w in ("failover", "failback")} for _ in range(5)]


def everything(dice, norm):
    """Every boundary of both runs, 50 moments, and some of everything else."""
    stories = []
    most = max(norm.records.values())
    if fault_points():
        # There are fewer commits than records; where they end is found out on the way.
        stories += [{w: f"{kind} {n}" for w in norm.records} for n in range(1, most + 1) for kind in BOUNDARIES]
    else:
        stories += [{w: f"records {min(n, r)}" for w, r in norm.records.items()} for n in range(1, most + 1)]
    for kind, count in CAMPAIGN:
        stories += [{w: some_disturbance(dice, kind, norm, w) for w in norm.records} for _ in range(count)]
    return stories


BOUNDARIES = ("before-commit", "after-commit")
CAMPAIGN = (("moment", 50), ("twice", 10), ("lane", 15), ("int", 10), ("disk", 10), ("storm", 10), ("pause", 5), ("jump", 10),
            ("late", 10), ("torn", 40), ("short", 10), ("full", 10), ("readonly", 10), ("broken", 10), ("unsynced", 10))
# How a process may end that was disturbed so; else in order, or killed.
PROMISED = {"int": (0, 130), "storm": (0, 130), "lane": (0, 1, 4), "nothing": (0,), "pause": (0,), "jump": (0,), "short": (0,),
            **dict.fromkeys(("disk", "full", "readonly", "broken", "unsynced"), (0, 6))}
BEYOND = 6  # so many boundaries of a kind that nobody reached: there are no more


class Table:
    """Counts of the long campaign, by workflow and kind."""

    def __init__(self):
        self.counts, self.lock = {}, threading.Lock()

    def is_beyond(self, hurt):
        """Does every disturbance wait at a boundary behind the last one?  Stories come in order of their boundaries."""
        with self.lock:
            rows = [(how.split()[0], self.counts.get((w, how.split()[0]), [0, 0, 0])) for w, how in hurt.items()]
            return bool(rows) and all(kind in BOUNDARIES and row[0] - row[1] >= BEYOND for kind, row in rows)

    def add(self, story):
        with self.lock:
            for workflow, how in story.hurt.items():
                kind = how.split()[0]
                row = self.counts.setdefault((workflow, kind), [0, 0, 0])
                row[0] += 1
                row[1] += story.struck.get(workflow) not in ("0", None)  # behind the last boundary nothing strikes
                row[2] += bool(story.faults)

    def write(self, path, seed, seconds):
        with open(path, "w", encoding="utf-8") as f:
            f.write("# The kill-and-resume campaign\n\n"
                    "Written by `make check-long` (tests/lab/torture.py tells what the words mean). A story has struck when the\n"
                    "program, or a worker of it, really ended before its time; it failed when the lab then stood otherwise than\n"
                    "after an undisturbed story, a message was lost that must not be, or a process was left.\n\n"
                    f"Commit {commit() or 'unknown'}, {datetime.date.today()}, seed {seed}, {seconds:.0f} s.\n\n"
                    "| workflow | disturbance | stories | struck | stories that failed |\n|---|---|---|---|---|\n")
            for (workflow, kind), row in sorted(self.counts.items()):
                f.write(f"| {workflow} | {kind} | {row[0]} | {row[1]} | {row[2]} |\n")


def parse_story(text):
    parts = text.split("/")
    return {w: p for w, p in zip(("failover", "failback"), parts) if p not in ("", "nothing")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("story", nargs="*", help="FAILOVER/FAILBACK, for example 'records 17/lane 0.4'")
    parser.add_argument("--long", metavar="FILE", help="everything; FILE gets a table")
    parser.add_argument("--jobs", type=int, default=3, help="stories side by side")
    parser.add_argument("--keep", action="store_true", help="wait before a lab is ended")
    args = parser.parse_args()
    seed = os.environ.get("SB_SEED") or commit() or str(int(time.time()))
    dice, tap, table, began = random.Random(seed), Tap(), Table(), time.monotonic()
    tap.note(f"SB_SEED={seed}")

    norm = Story({}, None, seed).play()
    good = tap.ok(not norm.faults, "an undisturbed story ends well", "\n".join(norm.faults + norm.log))
    for w in ("failover", "failback"):
        tap.note(f"{w} {norm.seconds.get(w, 0):.1f} s, {norm.records.get(w, 0)} records, {norm.writes.get(w, 0)} writes, "
                 f"{norm.syncs.get(w, 0)} syncs")
    if good:
        chosen = [parse_story(s) for s in args.story] or (everything(dice, norm) if args.long else sample(dice, norm))
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            def play(hurt):
                story = None if table.is_beyond(hurt) else Story(hurt, norm, seed, args.keep).play()
                if story:
                    table.add(story)
                return story

            for done in concurrent.futures.as_completed([pool.submit(play, hurt) for hurt in chosen]):
                story = done.result()
                if not story:
                    continue
                tap.ok(not story.faults, f"after '{story.title()}' everything stands as if nothing had happened",
                       "\n".join(story.faults + story.log))
                if not story.faults:
                    tap.note("\n".join(story.log))
    if args.long:
        table.write(args.long, seed, time.monotonic() - began)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
