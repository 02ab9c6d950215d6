#!/usr/bin/python3
"""Bad nights, one lab each: what an operator may meet while the pool is to be failed over.

Every case asserts the sentence, the hint where somebody can do something, the exit code, and that nothing was changed
(the fingerprint of the lab is what it was) or nothing was lost (counted with a TDS client from the ledger of acknowledged
messages).  Bad input, for which no lab is needed, is in nights_input.py.  Speaks TAP.
"""

import os
import re
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as labs  # noqa: E402
from lab import Lab, Tap, difference, until  # noqa: E402

tap = Tap()
GO = ("run", "failover", "--approve", "all")
ANYWAY = ("run", "failover", "--approve", "all,site-not-dead")
B = "south-sql1"
CASES = []


def case(function):
    CASES.append(function)
    return function


# ---- what cases say

def ended(done, code, *words):
    """Trouble, or "" when the program ended with that code and said these words (regular expressions)."""
    said = done.stdout + done.stderr
    missing = [w for w in words if not re.search(w, said)]
    wrong = [f"ended with {done.returncode}, not {code}"] if done.returncode != code else []
    return "\n".join(wrong + [f"not said: {w}" for w in missing] + ([said] if wrong or missing else []))


def ends(title, done, code, *words):
    trouble = ended(done, code, *words)
    return tap.ok(not trouble, title, trouble)


def untouched(lab, before, title):
    changed = difference(before, lab.fingerprint())
    return tap.ok(not changed, title, "\n".join(changed))


def results(lab, step):
    """Results of a step of the newest run."""
    report = lab.json_of("report")
    return next(s for s in report["steps"] if s["step"].startswith(step)).get("results", {})


def quiet_lab(lab):
    """Traffic ends; what was acknowledged until now."""
    lab.quiet()
    return lab.ledger()


def lost(lab, ledger, database="mgc"):
    there = lab.messages(B, database)
    return [e["id"] for e in ledger if e["id"] not in there]


def serves(lab, title, database="mgc"):
    """Messages are acknowledged in the other site, and stand there."""
    mark = len(lab.ledger())
    lab.traffic()
    lab.quiet()
    new = lab.ledger()[mark:]
    at = {e["instance"] for e in new}
    gone = lost(lab, new, database)
    return tap.ok(at == {B} and not gone, title, f"acknowledged by {at}, {len(gone)} of {len(new)} not there")


def variant(lab, name, pattern, put, more=""):
    """A copy of the topology with the first match replaced; the lab is used through it from now on."""
    original = os.path.join(lab.dir, "topology.ini")
    with open(original, encoding="utf-8") as f:
        text, count = re.subn(pattern, put, f.read(), count=1)
    if count != 1:
        raise ValueError(f"'{pattern}' is not in the topology")
    lab.topology = os.path.join(lab.dir, name + ".ini")
    with open(lab.topology, "w", encoding="utf-8") as f:
        f.write(text + more)


# ---- cases

@case
def wrong_workflow():
    with Lab() as lab:
        before = lab.fingerprint()
        lab.traffic()
        done = lab.run(*GO)
        ends("failover is refused while the old site answers: 1, with what answers and which workflow is right", done, 1,
             "refused at a gate", "north-sql1 answers: mgc is ONLINE, principal", "north-sql2 answers", "'switchover' is the right workflow",
             "HINT: .*--approve site-not-dead")
        lab.quiet()
        untouched(lab, before, "that refusal comes before the first change")
        lab.traffic()
        done = lab.run(*ANYWAY)
        ends("agreed to by name it goes on", done, 0)
        ledger = quiet_lab(lab)
        tap.ok(results(lab, "take-tail").get("taken") == "yes", "and takes the tail of the log first", lab.switchback("report"))
        gone = lost(lab, ledger)
        tap.ok(not gone, "so that no acknowledged message is lost", f"{len(gone)} of {len(ledger)} lost")


@case
def only_the_mirror_answers():
    with Lab() as lab:
        lab.traffic()
        lab.fault("witness-lost", "north-wit")
        lab.fault("power-off", "instance", "north-sql1")
        ends("failover is refused while only the mirror answers, and names the right workflow", lab.run(*GO), 1,
             "north-sql1 does not answer", "north-sql2 answers: .*mirror", "'mirror-failover'")
        ends("agreed to by name it goes on", lab.run(*ANYWAY), 0)
        ledger = quiet_lab(lab)
        gone = lost(lab, ledger)
        tap.ok(not gone, "the tail is taken at the mirror: no acknowledged message is lost", f"{len(gone)} of {len(ledger)} lost")


@case
def doors_that_stay_shut():
    with Lab() as lab:
        lab.fault("power-off", "site", "north")
        before = lab.fingerprint()
        with open(os.path.join(lab.dir, "secrets", "wrong"), "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write("not the password\n")
        instance = r"(\[instance south-sql1\][^\[]*\n"
        shut = (
            ("login", "a login that is refused", instance + r"credential = )\S+", r"\1bad",
             "\n[credential bad]\nuser = switchback\nsecret = file:secrets/wrong\n",
             ("'south-sql1' answers but refuses the login of 'switchback': error 18456", "HINT: Look at 'user' and 'secret'")),
            ("silent", "an instance that is not there", instance + r"port = )\d+", r"\g<1>1", "",
             ("'south-sql1' does not answer at 127.0.0.1:1: Connection refused", "HINT: See that its service runs")),
            ("stranger", "a certificate of another CA", instance + r"ca = )\S+", r"\1file:other-ca.pem", "",
             ("no session came about", "certificate signed by the configured CA", "HINT: Look at 'tls', 'ca' and 'host'")),
            ("name", "a certificate for another host", instance + r"host = )\S+", r"\g<1>127.1", "",
             ("no session came about", "the right host name in it", "HINT: Look at 'tls', 'ca' and 'host'")),
        )
        make_ca(os.path.join(lab.dir, "other-ca.pem"))
        for name, what, pattern, put, more, words in shut:
            variant(lab, name, pattern, put, more)
            ends(f"{what} at the backup stops the run with 1 and says what to look at", lab.run(*GO), 1, *words)
        lab.topology = os.path.join(lab.dir, "topology.ini")
        untouched(lab, before, "none of that changed anything")


def make_ca(path):
    import subprocess
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "/dev/null", "-out", path, "-days", "2",
                    "-subj", "/CN=Another CA"], check=True, capture_output=True)


@case
def odd_names():
    with open(os.path.join(labs.SOURCE, "examples", "stretched-pool.ini"), encoding="utf-8") as f:
        text = f.read()
    text = text.replace("[database mgc]\n", "[database mgc]\nname = we]ird'db\n")
    text = text.replace(r"\\south-fs\shiplogs", r"\\south-fs\Log Sicherung für Übersee").replace(r"D:\LSCopy", r"D:\Kopien – süd")
    with tempfile_of(text) as file, Lab(file) as lab:
        done = lab.run("check", "--wait", "30s")
        ends("every fact is green of a database called we]ird'db with log backups in 'Log Sicherung für Übersee'", done, 0, "17 green")
        lab.traffic()
        lab.fault("power-off", "site", "north")
        ledger = quiet_lab(lab)
        ends("it is failed over", lab.run(*GO), 0)
        serves(lab, "and serves", "we]ird'db")
        point = results(lab, "quote")["lsn"]
        late = lab.after_point(point, "we]ird'db")
        gone = lost(lab, ledger, "we]ird'db")
        tap.ok(set(gone) <= late, "what was lost lies after the quoted point", f"{len(gone)} lost, {len(late)} after the point")


def tempfile_of(text):
    import contextlib
    import tempfile

    @contextlib.contextmanager
    def file():
        with tempfile.NamedTemporaryFile("w", suffix=".ini", encoding="utf-8") as f:
            f.write(text)
            f.flush()
            yield f.name
    return file()


@case
def share_gone():
    with Lab() as lab:
        lab.traffic()
        lab.fault("power-off", "site", "north")
        lab.quiet()
        lab.fault("share-gone", "shiplogs")
        done = lab.run(*GO)
        ends("a backup share that is gone is told, and does not stop the run", done, 0, "share 'shiplogs' .*cannot be reached")
        tap.ok("the backup share could not be read" in results(lab, "quote")["sentence"], "the loss quote says that it could not be read",
               results(lab, "quote"))
        serves(lab, "the pool serves")


def bad_file(fault, words):
    with Lab() as lab:
        lab.traffic()
        lab.fault("agent-stop", B)
        files = os.path.join(lab.dir, "unc", "south-fs", "shiplogs")
        logs = lambda: sorted(f for f in os.listdir(files) if f.endswith(".trn"))  # noqa: E731
        mark = len(logs())
        until("two log backups that nobody copied", lambda: len(logs()) >= mark + 2)
        lab.fault("power-off", "site", "north")
        ledger = quiet_lab(lab)
        newest = logs()[-1]
        lab.fault(fault, B, rf"\\south-fs\shiplogs\{newest}")
        lab.fault("agent-start", B)
        ends(f"a newest log backup that is {words} does not stop the run", lab.run(*GO), 0)
        quote = results(lab, "quote")
        tap.ok(f"Left out: {newest}" in quote["sentence"], "the loss quote says that it is left out", quote)
        late = lab.after_point(quote["lsn"])
        gone = lost(lab, ledger)
        tap.ok(gone and set(gone) <= late, "what was lost lies after the quoted point", f"{len(gone)} lost, {len(late)} after the point")


@case
def damaged_file():
    bad_file("damage-file", "damaged")


@case
def truncated_file():
    bad_file("truncate-file", "cut off")


@case
def stopped_in_the_middle():
    with Lab() as lab:
        lab.traffic()
        lab.fault("power-off", "site", "north")
        lab.quiet()
        run = lab.start(*GO)
        until("the run is in the middle", lambda: lab.records() >= 30 or run.poll() is not None)
        second = lab.run(*GO)
        ends("a second run for the pool is refused with 5 and names the first", second, 5, "is held by|holds the pool|another run", "HINT:")
        other = os.path.join(lab.folder, "other")
        kept, lab.state = lab.state, other
        second = lab.run(*GO)
        lab.state = kept
        ends("also with another --state", second, 5, "is held by|holds the pool|another run")
        run.send_signal(signal.SIGINT)
        tap.ok(run.wait(timeout=60) == 130, "SIGINT ends the run with 130", run.returncode)
        ends("status shows it as unfinished", lab.run("status"), 0, "unfinished")
        ends("and it is resumed to its end", lab.run("resume", "--approve", "all"), 0)
        serves(lab, "the pool serves")


@case
def full_disk_under_the_journal():
    import resource
    with Lab() as lab:
        lab.fault("power-off", "site", "north")
        before = lab.fingerprint()
        done = lab.run(*GO, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (16384, 16384)))
        ends("a journal that cannot be written ends the run with 6 and says so", done, 6, "journal", "disk|full|large", "HINT:")
        untouched(lab, before, "and nothing was changed")
        ends("with room it is carried out", lab.run(*GO), 0)


def main():
    wanted = sys.argv[1:]
    for function in CASES:
        if wanted and function.__name__ not in wanted:
            continue
        try:
            function()
        except Exception as e:  # every failure is a line of TAP
            tap.ok(False, f"{function.__name__} could be played to its end", f"{type(e).__name__}: {e}")
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
