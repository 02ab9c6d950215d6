#!/usr/bin/env python3
"""What plays a story leaves no process behind when it is killed: lab/story.py, which ./quickstart becomes, in its chapters."""

import concurrent.futures
import os
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import PROGRAM, SOURCE, Tap, die_with_us, processes_of, until  # noqa: E402

# What it says when it is to be killed, and what must be at work then.
CHAPTERS = (
    ("Two data centres are built", None),
    ("Stop the copy and restore jobs", "failover"),
    ("Site north gets power again", "watch"),
    ("Bring mgc online at north-sql1", "failback"),
)


def kill_at(text, at_work):
    """What was wrong, as text; none: it was killed there and nothing is left."""
    folder = tempfile.mkdtemp(prefix="sb-killed-")
    log = os.path.join(folder, "story.log")

    def said():
        with open(log, encoding="utf-8") as f:
            return text in f.read() or story.poll() is not None

    with open(log, "w", encoding="utf-8") as out:
        story = subprocess.Popen(["/usr/bin/python3", os.path.join(SOURCE, "lab/story.py"), PROGRAM, os.path.join(folder, "story")],
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, preexec_fn=die_with_us)
    try:
        until(f"it says '{text}'", said, 90)
        if story.poll() is not None:
            return f"it ended with {story.returncode} before it said '{text}'"
        if at_work and not any(at_work in p for p in processes_of(folder)):
            return f"'{at_work}' was not at work: {processes_of(folder)}"
        story.send_signal(signal.SIGKILL)
        story.wait()
        until("no process is left", lambda: not processes_of(folder), 30)
        return ""
    except TimeoutError as e:
        return f"{e}\n" + "\n".join(processes_of(folder))
    finally:
        story.kill()
        story.wait()
        shutil.rmtree(folder, ignore_errors=True)


def main():
    tap = Tap()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for (text, _), wrong in zip(CHAPTERS, pool.map(lambda c: kill_at(*c), CHAPTERS)):
            tap.ok(not wrong, f"killed at '{text}' the story leaves no process behind", wrong)
    return tap.done()


sys.exit(main())
