#!/usr/bin/env python3
"""The loss quote, held against what was really lost: quoted before the point of no return, kept in the journal, and put
beside what the old copy turns out to hold when it can be read again.  What was lost is counted by a client that is not
ours.  Speaks TAP.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from lab import Lab, Tap, until  # noqa: E402

tap = Tap()


def results(report, step):
    return next(s["results"] for s in report["steps"] if s["step"] == step)


def lose_a_site(lab):
    """The newest messages are in no log backup: no Agent of the site runs, then the power is cut."""
    lab.traffic(rate=20, first=30)
    lab.fault("agent-stop", "north-sql1")
    already = len(lab.ledger())
    until("messages that no log backup holds", lambda: len(lab.ledger()) >= already + 15)
    lab.fault("power-off", "site", "north")
    lab.switchback("run", "failover", "--approve", "all")
    now = time.time() * 1000
    until("people chat in the other site", lambda: any(e["acked_ms"] > now and e["instance"] == "south-sql1" for e in lab.ledger()), 60)
    lab.quiet()


def quoted(lab):
    report = lab.json_of("report")
    quote = results(report, "quote[mgc]")
    acknowledged = {e["id"] for e in lab.ledger()}
    lost = acknowledged - lab.messages("south-sql1")
    tap.ok(len(lost) >= 10, "messages were lost, and can be counted", len(lost))
    tap.ok(not lost - lab.after_point(quote["lsn"]), "every lost message lies after the quoted point", lost)
    tap.ok(quote["on share"] == quote["lsn"] and quote["copied"] == quote["lsn"] and quote["waiting bytes"] == "0",
           "what lies on the share, what was copied and what was applied end at one LSN", quote)
    tap.ok(int(quote["window s"]) >= 1 and "no instance of the lost site answered" in quote["tail"],
           "the window is told, and that the tail cannot be had", quote)
    tap.ok("an estimate" in quote["estimate"] and quote["estimate"] in quote["sentence"],
           "what the window may have held is an estimate that says so", quote)
    asked = next(e for e in report["events"] if e["kind"] == "gate-answer" and e["body"]["gate"] == "loss[mgc]")
    begun = next(s for s in report["steps"] if s["step"] == "recover[mgc]")["begun_ms"]
    tap.ok(asked["at_ms"] <= begun, "it was agreed to before the copy was recovered", (asked["at_ms"], begun))
    loss = report["losses"]
    tap.ok(len(loss) == 1 and loss[0]["object"] == "mgc" and loss[0]["quoted"]["lsn"] == quote["lsn"] and not loss[0]["found"],
           "the report keeps the quote, and finds nothing yet", loss)
    tap.ok("not known yet" in lab.switchback("report"), "in words too")
    return report["run"], lost


def found(lab, run, lost):
    lab.fault("power-on", "site", "north")
    lab.fault("agent-start", "north-sql1")
    lab.switchback("run", "failback", "--approve", "all")
    home = lab.json_of("report")
    at = {f["at"]: f["results"] for f in home["losses"][0]["found"]}
    tap.ok(home["losses"][0]["run"] == run and set(at) == {"north-sql1", "north-sql2"}, "failback is held against the quote of the failover", at)
    tap.ok(not lost - lab.salvaged(), "every lost message was salvaged", lost - lab.salvaged())
    later = lab.json_of("report", run)["losses"][0]["found"]
    tap.ok({f["at"]: f["results"] for f in later} == at, "the report of the failover now tells what was really lost", later)
    # what was under way when the power went was never acknowledged, and may be there too
    tap.ok(sum(int(r["messages"]) for r in at.values() if r["old"] == "yes") >= len(lost), "and how many messages that were", at)
    words = lab.switchback("report", run)
    tap.ok("messages that only the copy at north-sql1 held" in words, "in words too", words[-600:])
    page = os.path.join(lab.folder, "loss.html")
    lab.switchback("report", run, "--html", page)
    with open(page, encoding="utf-8") as f:
        tap.ok("Quoted and found" in f.read(), "and on the page")


def main():
    with Lab() as lab:
        lose_a_site(lab)
        found(lab, *quoted(lab))
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
