#!/usr/bin/python3
"""Writes the given lines of the scenarios that are systematic: each way a step can go, at each kind of step.

    tests/golden/make.py && SB_UPDATE=yes build/tests/golden/golden

writes new files only; scenarios of one's own, and those of mended bugs, are written by hand beside them.  A file whose outcome is
that of another is no scenario: `make.py --twins LOG` removes those that the test names."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
BRACKET = "[[]mgc]"  # of fnmatch: the item of the loop

# workflow: steps in order, the gate and its step, the step nothing takes back, sites that may be dark
WORKFLOWS = {
    "chain": (["stop", "fence", "recover", "mirror"], "loss", "recover"),
    "owed": (["fence-p", "fence-m", "apply", "serve"], "lost", "serve"),
    "two": (["freeze", "recover", "state"], "irrevocable", "recover"),
    "proof": (["look", "isolate", "recover", "drop"], "sure", "drop"),
    "tries": (["stop", "apply", "ship", "recover"], None, "recover"),
    "wide": (["stop", "note", "copy", "all-set", "state"], None, None),
    "refuse": (["save", "stop", "drop"], "begin", "drop"),
    "principal": (["find", "tail", "recover"], "loss", "recover"),
}


def scenarios(steps, gate, last):
    first, middle = steps[0] + "*", steps[len(steps) // 2] + "*"
    one = steps[1] + BRACKET
    yield "plain", []
    yield "all-so-already", ["see * yes"]
    yield "first-so-already", [f"see {first} yes"]
    yield "last-so-already", [f"see {steps[-1]}* yes"]
    yield "fails-first", [f"run {first} fail"]
    yield "fails-in-the-middle", [f"run {middle} fail fail fail fail"]
    yield "fails-last", [f"run {steps[-1]}* fail"]
    yield "half-done", [f"run {one} half", f"run {steps[1]} half"]
    yield "lies", [f"run {middle} lie lie lie"]
    yield "dies-each-time", [f"run {steps[1]}* dies dies dies dies"]
    yield "dies-and-is-done", [f"run {steps[1]}* works"]
    yield "retries", [f"run {steps[1]}* retry retry retry"]
    yield "unknown-clears-up", [f"see {middle} unknown unknown no"]
    yield "unknown-for-ever", [f"see {middle} unknown"]
    yield "partly-at-first", [f"see {steps[-1]}* partly"]
    yield "north-dark", ["dark north 0 9999"]
    yield "north-dark-for-a-minute", ["dark north 0 60"]
    yield "south-goes-dark", ["dark south 2 9999"]
    yield "stopped-and-resumed", ["at 1.5 stop", "resume"]
    yield "crashed-twice", ["at 1 crash", "at 4 crash"]
    yield "aborted-early", ["at 0.5 abort"]
    yield "aborted-late", ["at 6 abort"]
    yield "held-by-a-person", [f"at 0.1 hold {middle}", "resume"]
    yield "skipped-by-a-person", ["wait", f"see {middle} unknown", f"at 200 skip {middle}"]
    yield "done-by-hand", ["wait", f"run {one} fail", f"run {steps[1]} fail", f"run {last or one}* half",
                           f"at 300 done {last or one}* 1"]
    if gate:
        yield "no", [f"gate {gate}* no"]
        yield "nobody-answers", [f"gate {gate}* open"]
        yield "answered-late", ["wait", f"gate {gate}* open", f"at 50 approve {gate}* 1", f"at 70 approve {gate}* 2"]
        yield "refused-late", ["wait", f"gate {gate}* open", f"at 50 refuse {gate}*"]
        yield "expires", ["wait", f"gate {gate}* open", f"at 4000 approve {gate}* 2", f"at 4001 approve {gate}* 3"]
        yield "glass", ["wait", f"gate {gate}* open", f"at 50 glass {gate}* 1"]
        yield "glass-and-no", ["wait", f"gate {gate}* open", f"at 50 glass {gate}* 1", f"at 90 refuse {gate}*"]
        yield "same-person-twice", ["wait", f"gate {gate}* open", f"at 50 approve {gate}* 1", f"at 60 approve {gate}* 1"]


def write():
    for workflow, (steps, gate, last) in WORKFLOWS.items():
        for topology in ("one", "two"):
            folder = os.path.join(ROOT, "scenarios", f"{workflow}-{topology}")
            os.makedirs(folder, exist_ok=True)
            for name, lines in scenarios(steps, gate, last):
                path = os.path.join(folder, name + ".txt")
                if not os.path.exists(path):
                    with open(path, "w") as f:
                        f.write("".join(line + "\n" for line in lines) + "----\n")


def remove_twins(log):
    with open(log) as f:
        for path in re.findall(r"# the same outcome: (\S+) and", f.read()):
            os.unlink(path)


if __name__ == "__main__":
    remove_twins(sys.argv[2]) if sys.argv[1:2] == ["--twins"] else write()
