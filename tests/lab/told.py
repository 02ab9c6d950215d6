"""What channels were told, beside what the journal says: for tests that compare the two, event by event.

It knows which records are told as which event, how a message's identifier names its step, and where the lab's sinks keep
what came.  The journal is read from outside, with SQLite; what a test concludes is the test's affair.
"""

import collections
import email
import email.policy
import json
import os
import re
import sqlite3

# What is told of each kind of record; gates that were agreed to beforehand are asked of nobody.
TOLD = {"run-begin": "run", "run-finish": "run", "failed": "failure", "held": "held", "dark": "failure",
        "undo-begin": "failure", "owed": "owed", "done": "step", "adopted": "step", "skipped": "step", "undone": "step"}
WANTED = {*TOLD.values(), "loss"}


def rows(lab, statement, *args):
    db = sqlite3.connect(f"file:{lab.state}/journal.db?mode=ro", uri=True, timeout=5)
    try:
        return db.execute(statement, args).fetchall()
    finally:
        db.close()


def expected(lab, run, events):
    """(event, step) of all that the journal of a run says, counted."""
    told = collections.Counter()
    drill, = rows(lab, "SELECT drill FROM runs WHERE id = ?", run)[0]
    for kind, name in rows(lab, "SELECT kind, coalesce (name, '') FROM records WHERE run = ?", run):
        if TOLD.get(kind) in events:
            told["drill" if drill and kind in ("run-begin", "run-finish") else TOLD[kind], name] += 1
        if "loss" in events and kind == "done" and name.startswith("quote"):
            told["loss", name] += 1
    return told


def step_of(message):
    """The identifier of a message is RUN/step/NAME/TIME or RUN/NUMBER/NAME/TIME."""
    return message.split("/", 2)[2].rsplit("/", 1)[0]


def message_id(key, domain):
    """The Message-ID of the mail with this identifier: its beginning, and FNV-1a of the whole."""
    number = 14695981039346656037
    for byte in key.encode():
        number = (number ^ byte) * 1099511628211 % 2**64
    plain = re.sub(rb"[^A-Za-z0-9_-]", b"_", key.encode()[:100]).decode()
    return f"<{plain}.{number:016x}@{domain}>"


def chat(lab, run):
    path = os.path.join(lab.dir, "sinks", "chat.jsonl")
    with open(path, encoding="utf-8") as f:
        bodies = [json.loads(line)["body"] for line in f if line.endswith("\n")]
    return [b for b in bodies if b["run"] == run]


def mails(lab):
    folder = os.path.join(lab.dir, "sinks", "mail")
    found = []
    for name in sorted(os.listdir(folder), key=lambda n: int(n.split(".")[0])):
        with open(os.path.join(folder, name), "rb") as f:
            found.append(email.message_from_binary_file(f, policy=email.policy.default))
    return found


def last_run(lab):
    return rows(lab, "SELECT run FROM records ORDER BY seq DESC LIMIT 1")[0][0]


def both(left, right):
    return f"the journal has more: {left - right}\nthe channel has more: {right - left}"
