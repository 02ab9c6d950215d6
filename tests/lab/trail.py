#!/usr/bin/env python3
"""The trail of messages: what a channel was told about a run is what the journal says happened, event by event.

One lab, two runs.  Its mail sink speaks STARTTLS, without which the channel sends nothing.  A failover, marked as a drill, is
killed on its way and resumed; the webhook of the lab wants every kind of event, its mail box some.  Then the webhook goes dead, failback is run, and the webhook comes back.
"""

import collections
import os
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import Lab, Tap, until  # noqa: E402
from told import WANTED, both, chat, expected, last_run, mails, rows, step_of  # noqa: E402

TOKEN = "not-for-other-eyes-7c1f"
MAIL = ("run", "gate", "failure", "held")


def prepare(lab):
    """Everything goes to the webhook, whose address has a secret in it."""
    with open(lab.topology, encoding="utf-8") as f:
        text = f.read()
    with open(f"{lab.topology}.new", "w", encoding="utf-8") as f:
        f.write(text.replace("events = run, gate, failure, owed\n", "events = run, gate, failure, owed, loss, step, check\n"))
    os.replace(f"{lab.topology}.new", lab.topology)
    address = os.path.join(lab.dir, "secrets", "ops-room.url")
    with open(address, encoding="utf-8") as f:
        url = f.read().strip()
    set_address(lab, f"{url}?token={TOKEN}")
    return url


def set_address(lab, url):
    address = os.path.join(lab.dir, "secrets", "ops-room.url")
    with open(f"{address}.new", "w", encoding="utf-8", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(url + "\n")
    os.replace(f"{address}.new", address)


def command_lines(process):
    """Command lines of every process of this machine that show the token, and those and the environments of ours."""
    pids = [process.pid, *map(int, subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True,
                                                  check=False).stdout.split())]
    text = b""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                line = f.read()
            text += line if TOKEN.encode() in line else b""
        except OSError:
            pass
    for pid in pids:
        for what in ("cmdline", "environ"):
            try:
                with open(f"/proc/{pid}/{what}", "rb") as f:
                    text += f.read()
            except OSError:
                pass  # it ended meanwhile
    return text


def holds_secret(folder):
    """Files that hold the token; where it belongs is left out."""
    found = subprocess.run(["grep", "-rlaF", TOKEN, "--exclude-dir=secrets", "--exclude-dir=sinks", folder], capture_output=True,
                           text=True, check=False)
    return found.stdout


def drill(tap, lab):
    """Failover as a drill, killed in the middle and resumed."""
    seen = b""
    lab.fault("power-off", "site", "north")
    process = lab.start("run", "failover", "--drill", "--approve", "all", log=os.path.join(lab.folder, "killed.log"))
    while process.poll() is None and lab.records() < 40:
        seen += command_lines(process)
    process.send_signal(signal.SIGKILL)
    tap.ok(process.wait() == -signal.SIGKILL, "a drill of failover is killed on its way")
    unfinished = lab.switchback("status", good=None)
    tap.ok("DRILL unfinished" in unfinished, "status says that the unfinished run is a DRILL", unfinished)
    resumed = lab.run("resume", "--approve", "all")
    lines = [line for line in resumed.stderr.splitlines() if line[:1] not in ("", " ")]
    tap.ok(resumed.returncode == 0 and lines and all(line.startswith("DRILL ") for line in lines),
           "it is resumed, and every line of the live view begins with DRILL", resumed.stdout + resumed.stderr)
    tap.ok(resumed.stdout.startswith("DRILL ") or "\nDRILL " in resumed.stdout, "so does its result", resumed.stdout)
    run = last_run(lab)
    told, want = chat(lab, run), expected(lab, run, WANTED)
    got = collections.Counter((b["event"], step_of(b["id"])) for b in {b["id"]: b for b in told}.values())
    tap.ok(got == want, "the webhook was told each event of the journal, and nothing else, across the kill", both(want, got))
    twice = [k for k, n in collections.Counter(b["id"] for b in told).items() if n > 1]
    tap.ok(len(twice) <= 1, "a message under way when the process was killed may come again under its identifier; no other", twice)
    tap.ok(told and all(b["subject"].split()[0] == "DRILL" and b["drill"] for b in told), "every subject begins with DRILL",
           [b["subject"] for b in told if not b["subject"].startswith("DRILL ")])
    box = {m["Message-ID"]: m for m in mails(lab)}
    want, got = expected(lab, run, MAIL), collections.Counter(m["X-Switchback-Event"] for m in box.values())
    want = collections.Counter({e: sum(n for (event, _), n in want.items() if event == e) for e, _ in want})
    tap.ok(got == want, "the mail box got what it wants over TLS, and nothing else", both(want, got))
    tap.ok(box and all(m["Subject"].split()[0] == "DRILL" for m in box.values()), "every mail's subject begins with DRILL",
           [m["Subject"] for m in box.values()])
    for words in ("status",), ("history",), ("report",):
        text, data = lab.switchback(*words, good=None), lab.switchback(*words, "--json", good=None)
        tap.ok("DRILL" in text and '"drill": true' in data, f"{words[0]} says DRILL, as JSON too", text + data)
    page = os.path.join(lab.folder, "report.html")
    lab.switchback("report", "--html", page)
    with open(page, encoding="utf-8") as f:
        tap.ok("DRILL" in f.read(), "the page of the report says DRILL")
    return seen


def dead_endpoint(tap, lab, url):
    """Failback while nobody listens at the webhook's address."""
    with socket.socket() as s:  # bound, not listening: nobody else takes the port
        s.bind(("127.0.0.1", 0))
        set_address(lab, f"https://127.0.0.1:{s.getsockname()[1]}/ops-room?token={TOKEN}")
        lab.fault("power-on", "site", "north")
        before = len(mails(lab))
        done = lab.run("run", "failback", "--approve", "all")
        run = last_run(lab)
        tap.ok(done.returncode == 0, "failback ends well although the webhook is dead", done.stdout + done.stderr)
        tap.ok("\nfailback " in f"\n{done.stdout}", "a run after the drill is no drill, also when it pays what the drill owes",
               done.stdout)
        states = collections.Counter(s for s, in rows(lab, "SELECT state FROM notes WHERE run = ? AND channel = 'ops-room'", run))
        tap.ok(states["queued"] > 10 and states["sent"] == 0, "its messages wait", states)
        begun = dict(rows(lab, "SELECT kind, min (at_ms) FROM records WHERE run = ? GROUP BY kind", run))
        sent = [m for m in mails(lab)[before:] if m["X-Switchback-Event"] == "run" and "failback" in m["Subject"]]
        tap.ok(len(sent) == 2, "another channel is not kept waiting", [m["Subject"] for m in sent])
        gap = max(b - a for (a,), (b,) in zip(*(lambda r: (r, r[1:]))(rows(
            lab, "SELECT at_ms FROM records WHERE run = ? ORDER BY seq", run))))
        tap.ok(gap < 10000 and begun["run-finish"] > begun["run-begin"], "no step waits for the webhook", f"{gap} ms between two records")
    set_address(lab, f"{url}?token={TOKEN}")
    watch = lab.start("watch", log=os.path.join(lab.folder, "watch.log"))
    try:
        want = expected(lab, run, WANTED)
        until("what waited is delivered", lambda: not rows(
            lab, "SELECT 1 FROM notes WHERE run = ? AND state = 'queued'", run), 60)
        got = collections.Counter((b["event"], step_of(b["id"])) for b in chat(lab, run))
        tap.ok(got == want, "when the webhook is back, a watch delivers all that waited, each once", both(want, got))
    except TimeoutError as e:
        tap.ok(False, "when the webhook is back, a watch delivers all that waited, each once", e)
    finally:
        watch.terminate()
        watch.wait(timeout=20)


def readiness(tap, lab):
    """The steady state is lost and comes back while somebody checks."""
    def told():
        return [(b["what"], b["drill"], "H" in b["text"]) for b in chat(lab, "") if b["event"] == "check"]

    lab.run("check", "--wait", "60s")
    before = told()
    lab.fault("power-off", "site", "south")
    for _ in range(2):
        lab.run("check")
    lost = told()
    tap.ok(lost[len(before):] == [("not-ready", False, True)], "readiness that is lost is told once, however often it is checked", lost)
    lab.fault("power-on", "site", "south")
    good = lab.run("check", "--wait", "90s")
    back = told()[len(lost):]
    tap.ok(good.returncode == 0 and [w for w, _, _ in back] == ["ready"], "and once when it is there again", f"{back}\n{good.stdout}")


def main():
    tap = Tap()
    with Lab() as lab:
        url = prepare(lab)
        seen = drill(tap, lab)
        dead_endpoint(tap, lab, url)
        readiness(tap, lab)
        tap.ok(TOKEN.encode() not in seen and seen, "the webhook's address stands in no command line and no environment")
        with open(os.path.join(lab.folder, "shown.txt"), "w", encoding="utf-8") as f:
            for words in ("status",), ("history",), ("report",), ("status", "--json"), ("report", "--json"), ("plan", "failover", "--json"):
                done = lab.run(*words)
                f.write(done.stdout + done.stderr)
        tap.ok(not holds_secret(lab.folder), "nor in the journal, a report, a log or anything that was shown", holds_secret(lab.folder))
    return tap.done()


sys.exit(main())
