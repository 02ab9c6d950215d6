#!/usr/bin/python3
"""The story that ./quickstart plays: a pool loses its data centre, comes up in the other one, and goes home.

It uses the program as an operator would (check, run, watch, report) and the lab as a rehearsal director would (faults,
traffic).  What was lost is counted here a second time, with another TDS client, from the ledger of acknowledged messages
and the rows that the servers really hold.  It leaves summary.json, report.html and topology.ini in the folder it is given,
and ends with 0 only if what must hold did hold.
"""

import argparse
import ctypes
import datetime
import json
import os
import re
import signal
import subprocess
import sys
import time

import pymssql


def die_with_us():
    """Runs in a child before it becomes the program: it ends when this script does, however that happens."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


class Story:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder
        self.lab = os.path.join(folder, "lab")
        self.state = os.path.join(folder, "state")
        self.topology = os.path.join(self.lab, "topology.ini")
        self.began = time.time()
        self.watch = None
        self.color = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    # ---- telling

    def say(self, text, mark=" "):
        now = time.time() - self.began
        line = f"{now:6.1f} s {mark} {text}"
        print(f"\033[1m{line}\033[0m" if self.color and mark == "*" else line, flush=True)

    def chapter(self, text):
        print(flush=True)
        self.say(text, "*")

    # ---- the program and the lab

    def run(self, *words, live=False, good=(0,)):
        """Runs the program; its live output is shown indented; JSON on stdout is returned."""
        command = [self.program, *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT if live else None, text=True,
                                   preexec_fn=die_with_us)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if live:
                self.say("  " + line.rstrip())
        code = process.wait()
        if code not in good:
            raise SystemExit(f"'{' '.join(command)}' ended with {code}\n{''.join(lines[-30:])}")
        return "".join(lines)

    def switchback(self, *words, **how):
        return self.run(*words, "-t", self.topology, "--state", self.state, **how)

    def fault(self, *words):
        self.run("lab", "fault", "--dir", self.lab, *words)

    def lab_json(self):
        with open(os.path.join(self.lab, "lab.json"), encoding="utf-8") as f:
            return json.load(f)

    def ledger(self):
        """What was acknowledged to a client: dictionaries with id, server, instance, acked_ms."""
        path = os.path.join(self.lab, "ledger.jsonl")
        if not os.path.exists(path):
            return []
        entries = []
        with open(path, encoding="utf-8") as f:
            for line in f:
                if line.endswith("\n"):
                    entries.append(json.loads(line))
        return entries

    def until(self, what, condition, seconds):
        """Waits for a named condition with a deadline."""
        deadline = time.time() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.time() > deadline:
                raise SystemExit(f"gave up after {seconds} s: {what}")
            time.sleep(0.1)

    def first_ack_after(self, ms, instances):
        return self.until(
            "a message is acknowledged again",
            lambda: next((e for e in self.ledger() if e["acked_ms"] > ms and e["instance"] in instances), None),
            90,
        )

    def messages_at(self, instance):
        """Identifiers of the messages that the instance holds, asked with a TDS client that we did not write."""
        i = next(i for i in self.lab_json()["instances"] if i["name"] == instance)
        db = pymssql.connect(
            server=i["host"], port=str(i["port"]), user=i["user"], password=i["password"], database="mgc", login_timeout=15
        )
        cursor = db.cursor()
        cursor.execute("SELECT content FROM mgc.dbo.tblChat")
        found = set()
        for (content,) in cursor:
            match = re.search(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\bm[0-9]+-[0-9a-z]+\b", content)
            found.add(match.group(0) if match else content)
        db.close()
        return found

    # ---- chapters

    def lab_up(self):
        self.chapter("Two data centres are built: north (primary) and south (backup)")
        os.makedirs(self.folder, exist_ok=True)
        if os.path.exists(self.lab):
            self.run("lab", "down", "--dir", self.lab, good=(0, 1, 2, 3))
            subprocess.run(["rm", "-rf", self.lab, self.state], check=True)
        read_end, self.owner = os.pipe()
        os.set_inheritable(read_end, True)
        subprocess.run(
            [self.program, "lab", "up", "--dir", self.lab, "--owner-fd", str(read_end)], check=True, pass_fds=[read_end],
            stdout=subprocess.DEVNULL,
        )
        os.close(read_end)
        lab = self.lab_json()
        self.say(f"  {len(lab['instances'])} SQL Server instances, {len(lab['frontends'])} front ends, all doors answer")

    def check(self):
        out = self.switchback("check", "--wait", "30s", "--json", good=(0, 1))
        facts = json.loads(out)
        for row in facts["checks"]:
            if row["verdict"] != "green":
                self.say(f"  {row['verdict']}: {row['fact']} {row['title']}: {row['found']}")
        self.say(f"  switchback check: {facts['green']} facts green, {facts['red'] + facts['unknown']} red")
        return facts

    def traffic(self):
        self.chapter("People start to chat")
        self.run("lab", "traffic", "--dir", self.lab, "start", "--rate", "25")
        self.until("100 messages are acknowledged", lambda: len(self.ledger()) >= 100, 30)
        self.say(f"  {len(self.ledger())} messages acknowledged")

    def disaster(self):
        self.chapter("The power of site north goes off")
        self.power_off_ms = time.time() * 1000
        self.fault("power-off", "site", "north")

    def failover(self):
        self.chapter("switchback run failover, unattended")
        self.switchback("run", "failover", "--approve", "all", live=True)
        entry = self.first_ack_after(self.power_off_ms, self.south)
        self.failover_rto = (entry["acked_ms"] - self.power_off_ms) / 1000
        self.say(f"  the pool serves from south; {self.failover_rto:.1f} s after the power went off somebody chatted again")
        report = json.loads(self.switchback("report", "--json"))
        self.point = next(s["results"] for s in report["steps"] if s["step"].startswith("quote["))
        self.say(f"  quoted point: LSN {self.point['lsn']}, backed up at {self.point['time']}")
        self.watch = subprocess.Popen(
            [self.program, "watch", "--old-site", "-t", self.topology, "--state", self.state],
            stdout=open(os.path.join(self.folder, "watch.log"), "w", encoding="utf-8"), stderr=subprocess.STDOUT,
            preexec_fn=die_with_us,
        )
        self.live_after_failover = self.messages_at(next(iter(sorted(self.south_live))))

    def return_of_the_old_site(self):
        self.chapter("Site north gets power again: its old principal wakes up writable")
        self.power_on_ms = time.time() * 1000
        self.fault("power-on", "site", "north")
        self.run("lab", "traffic", "--dir", self.lab, "start", "--rate", "40", "--clients", "32")

        def paid():
            status = json.loads(self.switchback("status", "--json", good=(0, 1, 4)))
            return len(status["owed"]) == 0

        self.until("the watch has paid what was owed", paid, 60)
        self.fenced_after = time.time() - self.power_on_ms / 1000
        self.say(f"  the old site was fenced {self.fenced_after:.1f} s after it woke up")

    def failback(self):
        self.chapter("switchback run failback")
        self.failback_ms = time.time() * 1000
        self.switchback("run", "failback", "--approve", "all", live=True)
        entry = self.first_ack_after(self.failback_ms, self.north)
        acks = [e["acked_ms"] for e in self.ledger() if e["instance"] in self.south and e["acked_ms"] < entry["acked_ms"]]
        self.failback_rto = (entry["acked_ms"] - max(acks)) / 1000
        self.say(f"  the pool is home; nobody could chat for {self.failback_rto:.1f} s")

    def salvaged(self):
        ids = set()
        for root, _, files in os.walk(os.path.join(self.state, "runs")):
            for name in files:
                if name.startswith("salvage-") and name.endswith(".jsonl"):
                    with open(os.path.join(root, name), encoding="utf-8") as f:
                        for line in f:
                            content = json.loads(line)["content"]
                            ids.update(e for e in re.findall(r"[0-9a-z-]{8,}", content))
        return ids

    def count(self, facts):
        self.chapter("The account")
        self.run("lab", "traffic", "--dir", self.lab, "stop")
        ledger = self.ledger()
        home = self.messages_at("north-sql1")
        lab = json.loads(self.run("lab", "traffic", "--dir", self.lab, "report", "--json",
                                  "--point", f"mgc:{self.point['lsn']}", "--before", str(int(self.power_off_ms) + 1000)))
        salvaged = self.salvaged()

        before = [e for e in ledger if e["acked_ms"] <= self.power_off_ms + 1000 and e["instance"] in self.north]
        stray = [e for e in ledger if e["acked_ms"] >= self.power_on_ms and e["acked_ms"] < self.failback_ms
                 and e["instance"] in self.north]
        lost = [e for e in before if e["id"] not in self.live_after_failover]
        after = [e for e in ledger if e not in before and e not in stray]
        lost_later = [e for e in after if e["id"] not in home]
        found = [e for e in lost + stray if e["id"] in salvaged]
        summary = {
            "failover": {
                "rto_s": round(self.failover_rto, 1), "acknowledged": len(before), "lost": len(lost),
                "quoted": lab["quoted"], "stray": len(stray),
            },
            "failback": {
                "rto_s": round(self.failback_rto, 1), "acknowledged": len(after), "lost": len(lost_later),
                "salvaged": len(found),
            },
            "check": {"green": facts["green"], "red": facts["red"] + facts["unknown"]},
            "seconds": round(time.time() - self.began, 1),
        }
        with open(os.path.join(self.folder, "summary.json"), "w", encoding="utf-8") as f:
            json.dump(summary, f, indent=2)
            f.write("\n")
        self.switchback("report", "failover-", "failback-", "--html", os.path.join(self.folder, "report.html"))
        with open(self.topology, encoding="utf-8") as f, open(os.path.join(self.folder, "topology.ini"), "w") as g:
            g.write(f.read())

        a, b = summary["failover"], summary["failback"]
        self.say(f"  failover: back after {a['rto_s']} s; {a['acknowledged']} messages acknowledged before, {a['lost']} lost")
        self.say(f"            at most {a['quoted']} were quoted as at risk (acknowledged after the quoted point)")
        self.say(f"            {a['stray']} stray messages reached the old copy before it was fenced ({self.fenced_after:.1f} s)")
        self.say(f"  failback: away for {b['rto_s']} s; {b['acknowledged']} messages acknowledged, {b['lost']} lost")
        self.say(f"            {b['salvaged']} of the {a['lost'] + a['stray']} lost and stray messages are in the salvage list")
        self.say(f"  check:    {facts['green']} facts green, {summary['check']['red']} red")
        return self.judge(summary, lab, lost, stray, salvaged)

    def judge(self, summary, lab, lost, stray, salvaged):
        after_point = set(lab["after_point"])
        promises = [
            ("every lost message lies after the quoted point", all(e["id"] in after_point for e in lost)),
            ("no more was lost than was quoted", summary["failover"]["lost"] <= summary["failover"]["quoted"]),
            ("failback lost nothing", summary["failback"]["lost"] == 0),
            ("every stray message is in the salvage list", all(e["id"] in salvaged for e in stray)),
            ("every fact is green again", summary["check"]["red"] == 0),
        ]
        for text, holds in promises:
            self.say(f"  {'holds' if holds else 'BROKEN'}: {text}")
        return 0 if all(holds for _, holds in promises) else 1

    def play(self):
        self.lab_up()
        lab = self.lab_json()
        self.north = {i["name"] for i in lab["instances"] if i["site"] == "north"}
        self.south = {i["name"] for i in lab["instances"] if i["site"] == "south"}
        self.south_live = {"south-sql1"}
        self.check()
        self.traffic()
        self.disaster()
        self.failover()
        self.return_of_the_old_site()
        self.failback()
        return self.count(self.check())

    def end(self):
        if self.watch is not None:
            self.watch.send_signal(signal.SIGTERM)
            self.watch.wait(timeout=20)
        if os.path.exists(os.path.join(self.lab, "lab.json")):
            subprocess.run([self.program, "lab", "down", "--dir", self.lab], check=False, stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="the switchback program")
    parser.add_argument("folder", help="where the lab and the results go")
    args = parser.parse_args()
    story = Story(os.path.abspath(args.program), os.path.abspath(args.folder))
    print(f"Switchback, {datetime.date.today()}: a pool loses its data centre and comes home")
    try:
        return story.play()
    finally:
        story.end()


if __name__ == "__main__":
    sys.exit(main())
