#!/usr/bin/env python3
"""Every chat service against a webhook that takes only what the real one takes (tests/sinks/strict.py): shapes, limits,
escaping, drills, answers, storms, escalation.  Speaks TAP."""
import json
import os
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time

SOURCE = os.path.abspath(os.environ.get("SB_SRCDIR", os.path.join(os.path.dirname(__file__), "../..")))
sys.path.insert(0, os.path.join(SOURCE, "tests", "sinks"))
from strict import SERVICES, Sink  # noqa: E402

PROGRAM = os.path.join(os.path.abspath(os.environ.get("SWITCHBACK_BUILD_DIR", "build")), "switchback")
SECRET = "T0PSECRET-5b1e"
TOKEN = "syt-T0KEN-88aa"
# Everything that means something to somebody, and what smuggles headers and keys.
HOSTILE = ('@everyone @channel <!channel> <@U1> **b** _i_ ~s~ `c` [x](https://evil.example) # h > q | <script>&amp;"quotes"\\\\ '
           '"drill": true} DRILL {{x}} Grüße 漢字 \U0001f600')
TESTS = []


def test(title):
    return lambda run: TESTS.append((title, run))


class House:
    """A folder with a topology: a channel a service, texts of its own, and a workflow of the plugin dummy."""

    def __init__(self, services=tuple(SERVICES), extra="", texts=None, events="run, held", keys=None):
        self.dir = tempfile.mkdtemp(prefix="sb-services-")
        self.sink = Sink(self.dir)
        keys = keys or {}
        text = (f"[pool test]\nfqdn = {os.path.basename(self.dir)}.example.net\nprimary site = north\nbackup site = south\n"
                f"[policy]\nwatch interval = 200ms\n[site north]\n[site south]\n[dummy one]\nplugin = dummy\nfolder = {self.dir}/things\n{extra}")
        for s in services:
            self.secret(f"{s}.url", f"https://127.0.0.1:{self.sink.port}/{s}/{SECRET}")
            text += (f"[channel {s}]\nservice = {s}\nurl = file:{s}.url\nca = file:sink.pem\nevents = {events}\n{keys.get(s, '')}"
                     + (f"token = file:token\nroom = !r:{s}.example\n" if s == "matrix" else ""))
        self.secret("token", TOKEN)
        self.write("topology.ini", text)
        if texts:
            self.write("messages.ini", texts)
        os.makedirs(os.path.join(self.dir, "workflows"))
        self.write("workflows/w.ini", "[workflow w]\ntitle = Test\n[step a]\ntitle = Do a\naction = dummy.do\nby = one\nundo = undo-do\n")
        self.write("workflows/h.ini", "[workflow h]\ntitle = Test\n[step a]\ntitle = Do a\naction = dummy.do\nby = one\nundo = undo-do\n"
                                      "look = unknown\nsettle = 50ms\n")

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.sink.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.dir, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path + ".new", mode)
        os.replace(path + ".new", path)

    def secret(self, name, text):
        self.write(name, text + "\n", 0o600)

    def run(self, *words):
        done = subprocess.run([PROGRAM, *words, "-t", f"{self.dir}/topology.ini", "--state", f"{self.dir}/state"], capture_output=True,
                              text=True, timeout=120, check=False, stdin=subprocess.DEVNULL)
        for secret in (SECRET, TOKEN):
            assert secret not in done.stdout + done.stderr, "a secret was shown"
        return done

    def fire(self, *words):
        done = self.run("notify", "test", "--json", *words)
        return {row["channel"]: row for row in json.loads(done.stdout)}

    def rows(self, statement):
        db = sqlite3.connect(f"file:{self.dir}/state/journal.db?mode=ro", uri=True, timeout=10)
        try:
            return db.execute(statement).fetchall()
        finally:
            db.close()

    def told(self, service, part=""):
        """What arrived, each once: a repeat bears the same identifier."""
        found = {}
        for s in self.sink.seen:
            if s.service == service and part in s.first:
                found.setdefault(s.headers["Idempotency-Key"], s)
        return list(found.values())

    def watch(self, what, condition):
        """A watch until something is so."""
        watch = subprocess.Popen([PROGRAM, "watch", "-t", f"{self.dir}/topology.ini", "--state", f"{self.dir}/state"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.until(what, condition)
        finally:
            watch.terminate()
            watch.wait(timeout=60)

    def until(self, what, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"gave up: {what}; {self.sink.refused} {self.rows('SELECT * FROM notes')}"
            time.sleep(0.05)


def flat(text):
    return re.sub(r"\s+", " ", text).strip()


@test("each service takes the message, and its reader sees every character that was said, none of it as markup")
def hostile():
    with House(texts=f"[message test]\nsubject = {HOSTILE.replace(' DRILL', '')[:60]}\ntext = {HOSTILE[:90]}\nfact Odd *name* = {HOSTILE[90:]}\n") as h:
        told = h.fire()
        assert all(row["delivered"] for row in told.values()), (told, h.sink.refused)
        assert {s.service for s in h.sink.seen} == set(SERVICES), h.sink.refused
        for s in h.sink.seen:
            assert s.first.startswith("switchback: @everyone"), (s.service, s.first)
            for part in (HOSTILE[:90], HOSTILE[90:]):
                assert flat(part) in flat(s.text), (s.service, part, s.text)


@test("in a drill the first word is DRILL on every service, and no text of a site takes that away")
def drills():
    with House(texts="[message test]\nsubject = the real thing\ntext = real\n") as h:
        told = h.fire("--drill")
        assert all(row["delivered"] for row in told.values()), (told, h.sink.refused)
        assert all(s.first.startswith("DRILL switchback: ") and "This is a DRILL." in s.text for s in h.sink.seen)
        assert [json.loads(s.raw)["drill"] for s in h.sink.seen if s.service == "json"] == [True]


@test("and what is real cannot say that it is a drill")
def reals():
    with House(texts="[message test]\nsubject = DRILL of nothing\ntext = This is a DRILL.\\nDRILL\\n  *drill*\nhint = DRILL\nfact DRILL = DRILL\n") as h:
        told = h.fire()
        assert all(row["delivered"] for row in told.values()), (told, h.sink.refused)
        for s in h.sink.seen:
            assert s.first.startswith("switchback: "), s.first
            for line in s.text.split("\n"):
                assert not re.match(r"\W*(this is a )?drill", line, re.I) or line == "DRILL: (no drill) DRILL", (s.service, line)
        assert [json.loads(s.raw)["drill"] for s in h.sink.seen if s.service == "json"] == [False]


@test("what is too long for a service is cut at whole characters, and the preview says so")
def long_ones():
    facts = "".join(f"fact {i:02} = {'漢<*&${time}' * 10}\n" for i in range(60))
    line = ("Grüße & <b>*漢字* \U0001f600 " * 8)[:70] + "\\n"
    with House(texts=f"[message test]\nsubject = {'Ü*${time}' * 14}\ntext = {line}\n{facts}") as h:
        told = h.fire()
        assert all(row["delivered"] for row in told.values()), (told, h.sink.refused)
        cut = json.loads(h.run("notify", "preview", "test", "--channel", "slack", "--json").stdout)
        assert cut["cut"] is True and "…" in cut["payload"], cut
        whole = json.loads(h.run("notify", "preview", "test", "--channel", "json", "--json").stdout)
        assert whole["cut"] is False and "…" not in whole["payload"], whole


@test("no channel's preview shows its address")
def previews():
    with House() as h:
        for s in SERVICES:
            done = h.run("notify", "preview", "held", "--channel", s)
            assert done.returncode == 0 and done.stdout.startswith("{"), done
            json.loads(done.stdout)
        assert not h.sink.asked, "a preview asks nobody"


@test("answers become classes: waiting as asked, later, never; a redirect is not followed, a log-in page is no delivery")
def answers():
    cases = (("json", (429, {"Retry-After": "7"}, b""), "in 7 s"), ("discord", (429, {}, b'{"retry_after": 1.5}'), "in 2 s"),
             ("matrix", (429, {}, b'{"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 2500}'), "in 3 s"),
             ("slack", (503, {}, b"busy"), "later (HTTP 503)"), ("slack", (200, {}, b"<html>Please log in</html>"), "in place of slack"),
             ("rocketchat", (200, {}, b'{"success":false}'), "in place of rocketchat"),
             ("teams", (302, {"Location": "https://127.0.0.1:1/"}, b""), "does not take the message (HTTP 302)"),
             ("slack", (404, {}, b"no_service"), "no_service"), ("googlechat", (403, {}, b"denied"), "(HTTP 403)"),
             ("mattermost", (307, {"Location": "REDIRECT"}, b""), "(HTTP 307)"))
    with House() as h:
        for service, answer, part in cases:
            asked = len(h.sink.asked)
            target = {"Location": f"https://127.0.0.1:{h.sink.port}/json/x"} if answer[1].get("Location") == "REDIRECT" else answer[1]
            h.sink.behave[service] = [(answer[0], target, answer[2])]
            row = h.fire("--channel", service)[service]
            assert not row["delivered"] and part in row["sentence"], (service, row)
            assert len(h.sink.asked) == asked + 1, "something was asked twice, or followed"


@test("a storm of 429 and 5xx: every message of a run arrives once, in order, and never before the time that was asked for")
def storms():
    with House(("json", "slack")) as h:
        h.sink.behave["json"] = [(429, {"Retry-After": "2"}, b"")] + [(500, {}, b"")] + [(429, {"Retry-After": "1"}, b"")]
        h.sink.behave["slack"] = [(502, {}, b""), (429, {}, b"")]
        assert h.run("run", "w").returncode == 0
        h.watch("all is sent", lambda: h.rows("SELECT DISTINCT state FROM notes") == [("sent",)])
        for service in ("json", "slack"):
            firsts = [s.first for s in h.sink.seen if s.service == service]
            assert firsts == ["switchback: w of test: begins", "switchback: w of test: done"], firsts
        times = [at for service, at in h.sink.asked if service == "json"]
        assert times[1] - times[0] >= 2 and times[3] - times[2] >= 1, times


@test("an endpoint that takes the call and never answers delays neither a step nor another channel")
def silence():
    with House(("json", "slack")) as h:
        h.sink.behave["json"] = ["silence"] * 9
        assert h.run("run", "w").returncode == 0
        begun, ended = (h.rows(f"SELECT at_ms FROM records WHERE kind = '{k}'")[0][0] for k in ("run-begin", "run-finish"))
        assert [s.first for s in h.sink.seen] == ["switchback: w of test: begins", "switchback: w of test: done"]
        assert ended - begun < 60000 and set(h.rows("SELECT state FROM notes WHERE channel = 'json'")) == {("queued",)}


@test("an endpoint that takes seven seconds for each message gets them all from a watch, and is asked once for each")
def slow():
    with House(("json",)) as h:
        h.sink.behave["json"] = ["silence"]
        assert h.run("run", "w").returncode == 0
        h.sink.behave["json"] = [7.0, 7.0]
        before = len(h.sink.asked)
        h.watch("all is sent", lambda: h.rows("SELECT DISTINCT state FROM notes") == [("sent",)])
        assert len(h.sink.asked) - before == 2 and len(h.sink.seen) == 2, h.sink.asked


def escalating(after, texts=None):
    return House(("json", "slack"), keys={"json": f"escalate to = slack after {after}\n"}, events="held", texts=texts)


@test("what is held and nobody acknowledges goes to the next channel, once, with what was said before")
def escalates():
    with escalating("1s") as h:
        text = open(f"{h.dir}/topology.ini", encoding="utf-8").read()
        at = text.index("[channel slack]")
        h.write("topology.ini", text[:at] + text[at:].replace("events = held", "events = drill"))
        h.run("run", "h")
        h.watch("it escalated", lambda: h.told("slack") and not h.rows("SELECT 1 FROM notes WHERE state = 'queued' OR escalate_ms > 0"))
        seen = h.told("slack")
        assert len(seen) == 1 and "nobody answers on json: switchback: h of test: a is held" in seen[0].first, [s.first for s in seen]
        assert "Step: a" in seen[0].text and "Nobody acknowledged this within" in seen[0].text, seen[0].text


@test("acknowledged, it does not; who acknowledged is kept")
def acknowledged():
    with escalating("2s") as h:
        h.run("run", "h")
        done = h.run("notify", "ack", "--json")
        assert json.loads(done.stdout)["acknowledged"] == 2, done.stdout
        assert h.rows("SELECT DISTINCT escalate_ms FROM notes") == [(0,)]
        h.run("notify", "deliver")
        assert not [s for s in h.sink.seen if "nobody answers" in s.first], [s.first for s in h.sink.seen]
        assert h.rows("SELECT DISTINCT ack_uid FROM notes") == [(os.getuid(),)]


@test("a message that the endpoint refuses for good goes to the next channel without waiting")
def refused():
    with escalating("1h") as h:
        h.sink.behave["json"] = [(404, {}, b"gone")]
        h.run("run", "h")
        h.watch("it escalated", lambda: h.told("slack", "nobody answers on json"))


@test("a drill that escalates from a watch is still a drill, in the payload too")
def drill_later():
    with House(("slack", "json"), keys={"slack": "escalate to = json after 1s\n"}, events="held") as h:
        h.sink.behave["json"] = [(503, {}, b"")] * 2
        h.run("run", "h", "--drill")
        h.watch("it escalated", lambda: len(h.told("json")) == 2)
        told = [json.loads(s.raw) for s in h.told("json")]
        assert len(told) == 2 and all(t["drill"] is True and t["subject"].startswith("DRILL ") for t in told), told


@test("mistakes in the texts are told with file, line and the nearest word, before anything is done")
def mistakes():
    with House(("json",), texts="[message gat]\n[message gate]\nsubjekt = x\ntext = ${pol} ${\nlevel = loud\n") as h:
        done = h.run("run", "w")
        assert done.returncode == 3 and not h.sink.asked
        for part in ("messages.ini:1: there is no message", "[message gate]?", "messages.ini:3", "'subject'?", "${pool}?", "loud"):
            assert part in done.stderr, (part, done.stderr)


@test("an escalation to itself, in a circle, or to nobody is refused")
def circles():
    for keys in ({"json": "escalate to = json after 1m\n"}, {"json": "escalate to = slack after 1m\n", "slack": "escalate to = json after 1m\n"},
                 {"json": "escalate to = nobody after 1m\n"}, {"json": "escalate to = slack\n"}):
        with House(("json", "slack"), keys=keys) as h:
            done = h.run("run", "w")
            assert done.returncode == 3 and "escalat" in done.stderr, (keys, done)


@test("check calls a channel red that runs through the pool, and plan says so")
def patient():
    more = ("[server chat01]\nsite = north\nactive = yes\n[channel through]\nsmtp = chat01:25\nfrom = a@b.example\nto = c@d.example\n"
            "[channel near]\nsmtp = mail.elsewhere.example:25\nfrom = a@b.example\nto = c@d.example\nsite = north\n")
    with House(("json",), extra=more) as h:
        done = h.run("check", "--json")
        found = {x["channel"]: x for x in json.loads(done.stdout)["channels"]}
        assert found["through"]["verdict"] == "red" and "server chat01" in found["through"]["found"] and done.returncode == 1, found
        assert found["near"]["verdict"] == "amber" and found["json"]["verdict"] == "green", found
        assert "channel through is red" in h.run("plan", "w").stderr


@test("readiness that is lost is told once, by check and by a watch")
def readiness():
    with House(("json",), events="check") as h:
        for _ in range(2):
            assert h.run("check").returncode == 1  # there is nobody to ask: unknown
        h.run("watch", "--once", "--check", "1s")
        h.run("notify", "deliver")
        h.until("it is sent", lambda: h.rows("SELECT DISTINCT state FROM notes") == [("sent",)])
        told = [json.loads(s.raw) for s in h.sink.seen]
        assert len(told) == 1 and told[0]["event"] == "check" and told[0]["what"] == "not-ready", told
        assert "H14 unknown" in told[0]["text"] and told[0]["run"] == "", told


@test("a system log gets one line a message, over UNIX, UDP and TCP, with no line end smuggled in")
def syslogs():
    with House((), texts="[message test]\nsubject = a\\nb ]\" c\ntext = two\\nlines\n") as h:
        local = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        local.bind(f"{h.dir}/log")
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("127.0.0.1", 0))
        tcp = socket.create_server(("127.0.0.1", 0))
        for s in (local, udp, tcp):
            s.settimeout(60)
        with open(f"{h.dir}/topology.ini", "a", encoding="utf-8") as f:
            f.write(f"[channel unix]\nsyslog = {h.dir}/log\n[channel udp]\nsyslog = udp:127.0.0.1:{udp.getsockname()[1]}\nfacility = local3\n"
                    f"[channel tcp]\nsyslog = tcp:127.0.0.1:{tcp.getsockname()[1]}\n[channel dead]\nsyslog = {h.dir}/nobody\n")
        told = h.fire("--drill")
        assert [told[c]["delivered"] for c in ("unix", "udp", "tcp", "dead")] == [True, True, True, False], told
        one = local.recv(9000).decode()
        assert re.fullmatch(r"<30>\w{3} [ \d]\d [\d:]{8} switchback\[\d+\]: DRILL switchback: a b .*", one), one
        two = udp.recv(9000).decode()
        assert re.fullmatch(r'<158>1 \S+ \S+ switchback \d+ test \[switchback@32473 id="test/\w+" run="" drill="yes"\] \ufeffDRILL .*', two), two
        connection = tcp.accept()[0]
        connection.settimeout(60)
        three = b""
        while part := connection.recv(9000):
            three += part
        length, line = three.split(b" ", 1)
        assert int(length) == len(line) and b"\n" not in line, three
        for s in (local, udp, tcp, connection):
            s.close()


def main():
    print(f"1..{len(TESTS)}", flush=True)
    failed = 0
    for i, (title, run) in enumerate(TESTS, 1):
        try:
            run()
            print(f"ok {i} - {title}", flush=True)
        except Exception as e:  # pylint: disable=broad-except
            failed += 1
            print(f"not ok {i} - {title}\n# " + f"{type(e).__name__}: {e}"[:3000].replace("\n", "\n# "), flush=True)
    return failed > 0


sys.exit(main())
