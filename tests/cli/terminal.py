#!/usr/bin/python3
"""Gates asked at a terminal: a pseudo-terminal plays the person.

Speaks TAP; $SWITCHBACK_BUILD_DIR names the build."""

import os
import pty
import select
import shutil
import signal
import sys
import tempfile
import time

PROGRAM = os.path.join(os.path.abspath(os.environ.get("SWITCHBACK_BUILD_DIR", "build")), "switchback")
TOPOLOGY = """[pool test]
fqdn = terminal-{pid}-{name}.example.net
primary site = north
backup site = south
[site north]
[site south]
[dummy one]
plugin = dummy
folder = {folder}/things
"""
WORKFLOW = """[workflow w]
title = Two gates
[gate first]
title = First
ask = Sure of the first?
[gate second]
title = Second
ask = Sure of the second?
[step a]
title = Do a
action = dummy.do
by = one
thing = a
undo = undo-do
gate = first
[step b]
title = Do b
action = dummy.do
by = one
thing = b
undo = undo-do
gate = second
"""


class Terminal:
    """A run whose terminal is ours."""

    def __init__(self, root, name):
        self.folder = os.path.join(root, name)
        os.makedirs(os.path.join(self.folder, "workflows"))
        with open(os.path.join(self.folder, "topology.ini"), "w") as f:
            f.write(TOPOLOGY.format(pid=os.getpid(), name=name, folder=self.folder))
        with open(os.path.join(self.folder, "workflows", "w.ini"), "w") as f:
            f.write(WORKFLOW)
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(PROGRAM, [PROGRAM, "run", "w", "-t", os.path.join(self.folder, "topology.ini"),
                               "--state", os.path.join(self.folder, "state")])

    def read(self, until):
        """More of what it says; False: it is over."""
        if not select.select([self.fd], [], [], max(0, until - time.monotonic()))[0]:
            return False
        try:
            data = os.read(self.fd, 4096)
        except OSError:
            return False
        self.text += data.decode("utf-8", "replace")
        return bool(data)

    def hears(self, words, count=1):
        until = time.monotonic() + 30
        while self.text.count(words) < count and self.read(until):
            pass
        return self.text.count(words) >= count

    def types(self, text):
        os.write(self.fd, text.encode())

    def ends(self):
        """The exit code; None: it had to be killed."""
        until = time.monotonic() + 30
        while self.read(until):
            pass
        over = time.monotonic() < until
        if not over:
            os.kill(self.pid, signal.SIGKILL)
        status = os.waitpid(self.pid, 0)[1]
        return os.waitstatus_to_exitcode(status) if over else None

    def did(self, thing):
        return os.path.exists(os.path.join(self.folder, "things", "one." + thing))


def both_are_asked(root):
    t = Terminal(root, "both")
    good = t.hears("Type yes or no") and (t.types("yes\n") or t.hears("Type yes or no", 2)) and (t.types("yes\n") or True)
    return t.ends() == 0 and good and t.did("a") and t.did("b"), t.text


def typed_ahead_is_no_answer(root):
    t = Terminal(root, "ahead")
    good = t.hears("Type yes or no") and (t.types("yes\nyes\n") or t.hears("Type yes or no", 2)) and (t.types("no\n") or True)
    return t.ends() == 4 and good and t.did("a") != t.did("b"), t.text


def something_else_is_asked_again(root):
    t = Terminal(root, "again")
    good = t.hears("Type yes or no") and (t.types("y\n") or t.hears("Type yes or no", 2))
    nothing = not t.did("a") and not t.did("b")
    t.types("\003")
    return t.ends() == 130 and good and nothing, t.text


TESTS = (("two gates that open together are both asked, one after the other", both_are_asked),
         ("what was typed before a question is no answer to it", typed_ahead_is_no_answer),
         ("only yes is yes: anything else is asked again, and nothing is done", something_else_is_asked_again))


def main():
    root, failures = tempfile.mkdtemp(prefix="switchback-test."), 0
    try:
        for number, (title, test) in enumerate(TESTS, 1):
            good, said = test(root)
            failures += not good
            print(f"{'ok' if good else 'not ok'} {number} - {title}")
            if not good:
                print("".join(f"# {line}\n" for line in said.splitlines()), end="")
    finally:
        shutil.rmtree(root)
    print(f"1..{len(TESTS)}")
    return failures > 0


sys.exit(main())
