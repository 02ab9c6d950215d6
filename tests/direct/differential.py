#!/usr/bin/env python3
"""The models of lab/direct against the real plugins, over TDS and WS-Man.

A lab stands; before each call the lab's world and files are copied, the model is
run on the copy and the plugin on the lab, and then answers, results, the kinds
of operations in their order, worlds and files must be equal.  Clocks, who owns a
restored copy and numbers of connections are left out, nothing else.

A story is a list of faults and calls; half of a call may have been done by a
process that died.  Then come calls by chance.  The seed is printed, and the same
in every short run; SEED and
CALLS in the environment choose them (the long campaign: make check-long).
Speaks TAP; the line before the last says `scenarios N`.
"""
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ["SWITCHBACK_BUILD_DIR"])
SRC = pathlib.Path(os.environ["SB_SRCDIR"])
LAB = os.environ.get("SWITCHBACK_LAB", str(BUILD / "switchback-lab"))
LONG = os.environ.get("SB_LONG") == "1" or "--long" in sys.argv
TALK = "TALK" in os.environ
SHARE, SETUP_N, SETUP_S = "\\\\south-fs\\shiplogs\\", "\\\\north-fs\\setup\\", "\\\\south-fs\\setup\\"
P, M, W, B, BM = "north-sql1", "north-sql2", "north-wit", "south-sql1", "south-sql2"
NORTH, SOUTH = ["pchat0%d" % n for n in range(1, 5)], ["pchat0%d" % n for n in range(5, 9)]
RC, SEEN = ["ok", "retry", "fail", "unsure", "stopped"], ["no", "yes", "partly", "unknown"]
PLUGIN = {"database": "mssql", "fence": "command", "pool": "pool", "share": "share"}
UNCOMPARED = {"at", "time", "window s", "sentence", "definition", "latency", "free", "estimate", "receipt", "bytes"}
AS_FLAG = {"left out", "risk", "outcome"}  # texts: whether there is one


class Lab:
    """A lab whose jobs run only when they are started, whose servers write no pings, and its twin."""

    def __init__(self, topology):
        self.dir, self.calls = tempfile.mkdtemp(prefix="sb-twin-"), 0
        self.own, self.keep = os.pipe()
        os.set_inheritable(self.own, True)
        self.trace = self.dir + "/trace"
        self.env = dict(os.environ, SWITCHBACK_LAB_TRACE=self.trace, SWITCHBACK_LAB_PING_MS="100000000")
        self.lab("up", "-t", str(topology), "--owner-fd", str(self.own))
        self.lab("down")
        subprocess.run([BUILD / "tests/direct/twin", "--quiet", self.dir], check=True, timeout=60)
        self.lab("up", "--owner-fd", str(self.own))
        self.call = self.program("tests/mssql/call", self.dir + "/topology.ini")
        self.twin = self.program("tests/direct/twin", self.dir)

    def program(self, name, *words):
        return subprocess.Popen([str(BUILD / name), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def lab(self, word, *words):
        done = subprocess.run([LAB, word, "--dir", self.dir, *words], pass_fds=[self.own], env=self.env, capture_output=True,
                              text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError("lab %s: %s%s" % (word, done.stdout, done.stderr))

    def end(self):
        for program in (self.call, self.twin):
            program.stdin.close()
            program.wait(30)
        subprocess.run([LAB, "down", "--dir", self.dir], capture_output=True, timeout=60)
        os.close(self.keep)
        os.close(self.own)
        shutil.rmtree(self.dir, ignore_errors=True)

    @staticmethod
    def ask(program, **question):
        program.stdin.write(json.dumps(question) + "\n")
        program.stdin.flush()
        return json.loads(program.stdout.readline())

    def ops(self):
        """Kinds of the operations since the last question."""
        try:
            lines = open(self.trace).read().splitlines()
            os.truncate(self.trace, 0)
        except FileNotFoundError:
            return []
        return [int(line.split()[0]) for line in lines]


class Call:
    def __init__(self, name, target=None, obj=None, **options):
        self.role, self.verb = name.split(".")
        self.target = target
        self.object = obj or {"database": "mgc", "pool": "pchat", "share": "shiplogs", "fence": "north-power"}[self.role]
        self.options = {k.replace("_", " "): v for k, v in options.items()}

    def __str__(self):
        return "%s.%s %s%s%s" % (self.role, self.verb, self.object, " on " + self.target if self.target else "",
                                 " " + json.dumps(self.options) if self.options else "")

    def real(self, lab, verify):
        lab.calls += 1
        params = {k: (v.split(", ") if k == "servers" and v else [] if k == "servers" else v) for k, v in self.options.items()}
        return lab.ask(lab.call, plugin=PLUGIN[self.role], kind=self.role, object=self.object, verb=self.verb,
                       op="verify" if verify else "run", on=self.target, step="%s-%d[%s]" % (self.verb, lab.calls, self.object),
                       deadline=60000, params=params)

    def question(self, verify=False):
        return dict(role=self.role, verb=self.verb, verify=verify, object=self.object, target=self.target or "",
                    options=self.options)


READS = {"observe", "locate", "survey", "save-shipping", "quote", "check-store", "send-message"}


def fact(key, value):
    if key in AS_FLAG:
        return "done" if value == "done" else "some" if value else ""
    if key == "tail":  # how long it would take is an estimate
        return value.split(" (")[0]
    return re.sub(r"\d{14}", "#", value)


def facts(results, verify):
    """After an act the plugin's process still knows what was before; a model asks the world alone."""
    return {k: fact(k, v) for k, v in results.items() if k not in UNCOMPARED and not (verify and k == "was")}


def compare(lab, call, verify):
    """What differs, as sentences."""
    lab.ask(lab.twin, do="look")
    lab.ops()
    model = lab.ask(lab.twin, do="call", **call.question(verify))
    if "error" in model:
        return [model["error"]], "?"
    real = call.real(lab, verify)
    lab.ops_seen = ops = lab.ops()
    words = (SEEN, real["seen"]) if verify else (RC, real["rc"])
    wrong = []
    if words[0][model["word"]] != words[1]:
        wrong.append("answer: plugin %s (%s), model %s (%s)" % (words[1], real["sentence"], words[0][model["word"]], model["sentence"]))
    a, b = facts(real["results"], verify), facts(model["results"], verify)
    wrong += ["result %s: plugin %r, model %r" % (k, a.get(k), b.get(k)) for k in sorted(set(a) | set(b)) if a.get(k) != b.get(k)]
    done = [op for op, _ in model["ops"] if op < 1000]
    if ops != done:
        wrong.append("operations: plugin %s, model %s" % (ops, done))
    return wrong + lab.ask(lab.twin, do="compare").get("differs", []), words[1]


class Story:
    def __init__(self, lab, title):
        self.lab, self.title, self.count, self.wrong = lab, title, 0, []

    def do(self, call):
        """One scenario: the question, the deed, the question again."""
        said = []
        for verify in ([False] if call.verb in READS else [True, False, True]):
            wrong, word = compare(self.lab, call, verify)
            said.append(word)
            self.wrong += ["%s, %s: %s" % (call, "verify" if verify else "run", w) for w in wrong]
        self.count += 1
        if TALK:
            print("# %s: %s" % (call, " ".join(said)), flush=True)

    def half(self, call, ops):
        """Somebody died after so many operations."""
        self.lab.ask(self.lab.twin, do="look")
        self.lab.ask(self.lab.twin, do="half", **call.question(), **{"stop after": ops})

    def play(self, steps):
        for step in steps:
            if isinstance(step, Call):
                self.do(step)
            elif step[0] == "half":
                self.half(step[2], step[1])
            else:
                self.lab.lab("fault", *step)


def failover(tag):
    return [
        Call("database.survey", site="north"), Call("database.locate", site="north"), Call("database.save-shipping", B),
        ("power-off", "site", "north"),
        Call("database.survey", site="north"), Call("database.locate", site="north"), Call("database.observe", P),
        Call("fence.isolate", "north"),
        Call("database.fence", P), Call("pool.stop-services", NORTH[0]),
        Call("pool.observe"), Call("pool.set-state", state="FailedOver"),
        Call("pool.move-central-store", site="south"), Call("pool.move-central-store", site="south"), Call("pool.observe"),
        ("half", 1, Call("database.stop-shipping", B)), Call("database.stop-shipping", B),
        Call("share.copy", to="south-copy", prefix="mgc_", suffix=".trn"),
        Call("database.apply-logs", B, **{"from": "south-copy"}), Call("database.quote", B, shared="shiplogs"),
        Call("database.end-sessions", B), Call("database.recover", B, evidence="silent"),
        Call("database.recover", B, evidence="confirmed", expect="1"),
        Call("database.recover", B, evidence="confirmed"), Call("database.recover", B, evidence="confirmed"),
        Call("database.remove-secondary", B), Call("pool.set-state", state="FailedOver"),
        Call("pool.await-replication", servers=", ".join(SOUTH)), Call("pool.set-active", servers=", ".join(SOUTH)),
        Call("pool.start-services", SOUTH[0]), Call("pool.await-replication", servers=", ".join(SOUTH)),
        Call("pool.send-message"), Call("database.check-store", "south-sql3", "mgccomp"),
        Call("database.backup-full", B, file=SETUP_S + "mgc_%s_protect.bak" % tag),
        Call("database.restore-full", BM, file=SETUP_S + "mgc_%s_protect.bak" % tag),
        ("half", 2, Call("database.make-mirror", B, mirror=BM, file=SETUP_S + "mgc_%s_pair.trn" % tag)),
        Call("database.make-mirror", B, mirror=BM, file=SETUP_S + "mgc_%s_pair.trn" % tag),
        ("half", 2, Call("database.build-primary", B)), Call("database.build-primary", B),
    ]


def failback(tag):
    home = SHARE + "mgc_%s_home.bak" % tag
    return [
        Call("database.check-store", B), ("power-on", "site", "north"), Call("fence.release", "north"),
        Call("pool.stop-services", NORTH[0]), Call("pool.stop-services", NORTH[1]),
        Call("database.fence", P), ("half", 1, Call("database.fence", M)), Call("database.fence", M),
        Call("database.salvage", P, live=B, file=SHARE + "mgc_%s_salvage.bak" % tag, list="/tmp/sb-salvage-%s.jsonl" % tag),
        Call("database.remove-primary", P), ("half", 1, Call("database.remove-primary", M)), Call("database.remove-primary", M),
        Call("database.backup-full", B, file=home), Call("database.restore-full", P, file=home),
        Call("database.restore-full", M, file=home),
        Call("pool.set-active", servers=""), Call("pool.stop-services", SOUTH[0], which="chat"),
        Call("pool.stop-services", SOUTH[0]), Call("database.await-drained", "south-sql3", "mgccomp"),
        Call("database.await-no-sessions", B), Call("database.freeze", B, file=SHARE + "mgc_%s_early.trn" % tag),
        Call("database.break-mirror", B), Call("database.stop-shipping", B),
        ("half", 1, Call("database.freeze", B, file=SHARE + "mgc_%s_frozen.trn" % tag)),
        Call("database.freeze", B, file=SHARE + "mgc_%s_frozen.trn" % tag), Call("database.unfreeze", B),
        Call("database.freeze", B, file=SHARE + "mgc_%s_frozen2.trn" % tag),
        Call("database.apply-logs", P, **{"from": "shiplogs"}),
        Call("database.apply-logs", M, **{"from": "shiplogs", "until": "99999999999999999"}),
        Call("database.apply-logs", M, **{"from": "shiplogs"}), Call("database.recover", P, evidence="none needed"),
        Call("database.make-mirror", P, mirror=M, witness=W, file=SETUP_N + "mgc_%s_back.trn" % tag),
        Call("share.archive", folder="archive-" + tag, prefix="mgc_", suffix=".trn"),
        Call("share.archive", obj="south-copy", folder="archive-" + tag, prefix="mgc_", suffix=".trn"),
        Call("database.remove-primary", B), Call("database.build-primary", P, secondary=B),
        ("half", 3, Call("database.build-secondary", B, primary=P)), Call("database.build-secondary", B, primary=P),
        Call("database.mirror-failover", M), Call("database.build-primary", M, secondary=B), Call("database.mirror-failover", P),
        Call("pool.move-central-store", site="north"), Call("pool.set-state", state="Normal"),
        Call("pool.await-replication", servers=", ".join(NORTH)), Call("pool.set-active", servers=", ".join(NORTH)),
        Call("pool.start-services", NORTH[0]), Call("database.drop-copy", BM), Call("database.ship-once", P, to=B),
        Call("database.backup-full", P, file=SETUP_N + "mgc_%s_close.bak" % tag),
    ]


def mirrors(tag):
    """The principal is lost, its mirror takes over or is forced, and both come back."""
    return [
        Call("database.mirror-failover", M), Call("database.mirror-failover", P), Call("database.take-tail", M, file=SHARE + "x.trn"),
        ("witness-lost", W), ("power-off", "instance", P), Call("database.locate", site="north"),
        Call("database.survey", site="north", to="mirror"), Call("database.mirror-failover", M),
        Call("database.mirror-failover", M, force="declared"), ("witness-back", W),
        Call("database.mirror-failover", M, force="declared"), ("power-on", "instance", P),
        Call("database.survey", site="north", to="primary"), Call("database.mirror-failover", P),
        Call("database.mirror-failover", P, force="declared"), ("power-off", "instance", P),
        Call("database.take-tail", M, file=SHARE + "mgc_%s_tail.trn" % tag), ("power-on", "instance", P),
        Call("database.observe", P), Call("database.observe", M), Call("database.release", P), Call("database.fence", P),
        Call("database.release", P),
    ]


def established(tag):
    """Torn down as a person would, and established again."""
    return [
        Call("database.build-dormant", M, secondary=B), Call("database.build-dormant", P), Call("database.full-recovery", P),
        Call("database.remove-primary", M), ("half", 1, Call("database.build-dormant", M, secondary=B)),
        Call("database.build-dormant", M, secondary=B),
        Call("database.full-recovery", M), Call("database.seed-copy", B, **{"from": P, "file": SHARE + "mgc_%s_0.bak" % tag}),
        Call("database.remove-secondary", B), ("half", 1, Call("database.remove-primary", P)), Call("database.remove-primary", P),
        Call("database.break-mirror", P),
        Call("database.drop-copy", M), Call("database.drop-copy", B),
        Call("database.seed-copy", M, **{"from": B, "file": SHARE + "mgc_%s_1.bak" % tag}),
        ("half", 1, Call("database.seed-copy", M, **{"from": P, "file": SETUP_N + "mgc_%s_2.bak" % tag})),
        Call("database.seed-copy", M, **{"from": P, "file": SETUP_N + "mgc_%s_2.bak" % tag}),
        Call("database.make-mirror", P, mirror=M, witness=W, file=SETUP_N + "mgc_%s_3.trn" % tag),
        Call("database.seed-copy", B, **{"from": P, "file": SHARE + "mgc_%s_4.bak" % tag}),
        Call("database.build-primary", P, secondary=B), Call("database.build-secondary", B, primary=P),
        ("half", 3, Call("database.build-dormant", M, secondary=B)), Call("database.build-dormant", M, secondary=B),
        Call("database.ship-once", P, to=B), Call("database.mirror-failover", M), Call("database.build-dormant", M, secondary=B),
        ("agent-stop", P), Call("database.ship-once", P, to=B),
    ]


def by_chance(r, tag):
    """A fault or a call that somebody could think of, at whatever stands."""
    n = r.randrange(100000)
    where = r.choice([P, M, B, BM])
    file = r.choice([SHARE, SETUP_N, SETUP_S]) + "mgc_%s_%d" % (tag, n)
    calls = [
        lambda: Call("database.observe", where), lambda: Call("database.locate", site=r.choice(["north", "south"])),
        lambda: Call("database.survey", site=r.choice(["north", "south"]), to=r.choice(["mirror", "primary"])),
        lambda: Call("database.fence", where), lambda: Call("database.release", where),
        lambda: Call("database.stop-shipping", where), lambda: Call("database.start-shipping", where),
        lambda: Call("database.take-tail", where, file=file + ".trn"),
        lambda: Call("database.apply-logs", where, **{"from": r.choice(["shiplogs", "south-copy"])}),
        lambda: Call("database.quote", where, shared=r.choice(["shiplogs", ""])), lambda: Call("database.end-sessions", where),
        lambda: Call("database.recover", where, evidence="declared"), lambda: Call("database.remove-secondary", where),
        lambda: Call("database.remove-primary", where),
        lambda: Call("database.build-primary", where, secondary=r.choice([B, P, M])), lambda: Call("database.build-primary", where),
        lambda: Call("database.build-secondary", where, primary=r.choice([P, M])),
        lambda: Call("database.backup-full", where, file=file + ".bak", copy_only=r.choice(["yes", "no"])),
        lambda: Call("database.restore-full", where, file=SHARE + "mgc_seed.bak"), lambda: Call("database.drop-copy", where),
        lambda: Call("database.make-mirror", where, mirror=r.choice([M, P, BM, B]), file=file + ".trn"),
        lambda: Call("database.break-mirror", where), lambda: Call("database.mirror-failover", where),
        lambda: Call("database.mirror-failover", where, force="declared"),
        lambda: Call("database.freeze", where, file=file + ".trn"), lambda: Call("database.unfreeze", where),
        lambda: Call("database.ship-once", r.choice([P, M, B]), to=r.choice([B, P])),
        lambda: Call("database.seed-copy", where, **{"from": r.choice([P, B]), "file": file + ".bak"}),
        lambda: Call("database.build-dormant", r.choice([M, BM]), secondary=r.choice([B, P])),
        lambda: Call("database.full-recovery", where), lambda: Call("database.check-store", where), lambda: Call("pool.observe"),
        lambda: Call("pool.set-state", state=r.choice(["Normal", "FailedOver"])),
        lambda: Call("pool.set-active", servers=", ".join(sorted(r.sample(NORTH + SOUTH, r.randrange(6))))),
        lambda: Call("pool.await-replication", servers=r.choice(SOUTH)),
        lambda: Call("pool.stop-services", r.choice(NORTH + SOUTH), which=r.choice(["all", "chat", "compliance"])),
        lambda: Call("pool.start-services", r.choice(NORTH + SOUTH)),
        lambda: Call("pool.move-central-store", site=r.choice(["north", "south"])), lambda: Call("pool.send-message"),
        lambda: Call("share.copy", to="south-copy", prefix="mgc_", suffix=".trn"),
        lambda: Call("share.archive", folder="old-%d" % n, prefix="mgc_", suffix=".trn"),
        lambda: Call("fence.isolate", "north"), lambda: Call("fence.release", "north"),
    ]
    faults = [("power-off", "instance", where), ("power-on", "instance", where), ("power-on", "site", "north"),
              ("share-gone", "shiplogs"), ("share-back", "shiplogs"), ("cms-down",), ("cms-up",), ("witness-lost", W),
              ("witness-back", W), ("disk-full", "share", "shiplogs"), ("disk-room", "share", "shiplogs"),
              ("power-off", "frontend", "fe-south"), ("power-on", "frontend", "fe-south"), ("agent-stop", where),
              ("agent-start", where)]
    if r.random() < 0.25:
        return r.choice(faults)
    call = r.choice(calls)()
    if call.role == "database" and call.verb not in READS and r.random() < 0.2:
        return ("half", r.randrange(1, 4), call)
    return call


def main():
    seed = int(os.environ.get("SEED", random.randrange(1 << 30) if LONG else 7))
    calls = int(os.environ.get("CALLS", 160 if LONG else 8))
    r = random.Random(seed)
    print("# seed %d, %d calls by chance" % (seed, calls))
    stories = [("a failover and the way home", lambda: failover("a") + failback("b")), ("mirrors that lose each other", lambda: mirrors("c")),
               ("what was torn down is established again", lambda: established("d"))]
    chance = ("calls by chance", lambda: [by_chance(r, "r") for _ in range(calls)])
    if not LONG:  # a piece of one story, as far as it goes in a few seconds, and some chance
        stories = [("the beginning of a failover", lambda: failover("a")[:21])]
    stories.append(chance)
    if "STORY" in os.environ:
        stories = [s for s in stories if os.environ["STORY"] in s[0]]
    print("1..%d" % (len(stories) + 1))
    count = failed = 0
    for number, (title, steps) in enumerate(stories, 1):
        lab = Lab(SRC / "examples/stretched-pool.ini")
        story = Story(lab, title)
        try:
            story.play(steps())
        finally:
            lab.end()
        count += story.count
        failed += bool(story.wrong)
        print("%s %d - models and plugins agree: %s" % ("not ok" if story.wrong else "ok", number, title))
        for line in story.wrong[:60]:
            print("# " + line.replace("\n", " / "))
    promised = int(re.search(r"#define D_SCENARIOS (\d+)", (SRC / "lab/direct/direct.h").read_text())[1])
    enough = count >= (promised if LONG else 12)
    print("%s %d - so many scenarios were compared that agreeing means something" % ("ok" if enough else "not ok", len(stories) + 1))
    print("scenarios %d" % count)
    return 1 if failed or not enough else 0


if __name__ == "__main__":
    sys.exit(main())
