#!/usr/bin/python3
"""A Go program with github.com/masterzen/winrm (Debian's golang-github-masterzen-winrm-dev) at the lab's front ends: Basic at
one, a client certificate at the other.  The program is built here; without Go the tests are skipped.  Speaks TAP."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lab")]
from lab import BUILD, SOURCE, Lab, Tap  # noqa: E402

GOPATH = "/usr/share/gocode"
tap = Tap()


def skip(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


def build(folder):
    if not shutil.which("go"):
        skip("golang-go is not installed")
    if not os.path.isdir(GOPATH + "/src/github.com/masterzen/winrm"):
        skip("golang-github-masterzen-winrm-dev is not installed")
    program = os.path.join(folder, "masterzen")
    env = dict(os.environ, GO111MODULE="off", GOPATH=GOPATH, GOCACHE=os.path.join(BUILD, "gocache"), GOFLAGS="-p=2")
    done = subprocess.run(["go", "build", "-o", program, os.path.join(HERE, "clients/masterzen.go")], env=env, capture_output=True,
                          text=True, timeout=400, check=False, cwd=folder)
    if done.returncode != 0:
        skip("the Go program cannot be built: " + (done.stderr.strip().splitlines() or ["?"])[-1])
    return program


def topology(folder):
    with open(os.path.join(SOURCE, "examples/stretched-pool.ini"), encoding="utf-8") as f:
        text = f.read()
    text = re.sub(r"(?s)(\[frontend fe-north\].*?credential = )lync-admin", r"\1by-certificate", text, count=1)
    path = os.path.join(folder, "topology.ini")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text + "\n[credential by-certificate]\nmethod = certificate\nuser = operator\ncertificate = file:none.pem\n")
    return path


def right(got, computer, user):
    """What is wrong with the answers; none: nothing."""
    wanted = {"whoami": (0, user.upper() + "\r\n"), "script": (3, "Normal\r\n"), "stdin": (0, "LINE ONELINE TWO\r\n")}
    wrong = [f"{name}: {got[name]}, not {want}" for name, want in wanted.items()
             if (got[name]["code"], got[name]["out"].upper() if name != "script" else got[name]["out"]) != want]
    lines = got["long"]["out"].split("\r\n")
    if len(lines) != 4001 or lines[3999] != "line 4000 of some length, so that many answers are needed":
        wrong.append(f"long: {len(lines)} lines, {got['long']['code']}, {got['long']['err'][:300]}")
    return wrong


def main():
    folder = tempfile.mkdtemp(prefix="sb-masterzen-")
    try:
        program = build(folder)
        with Lab(topology(folder)) as lab:
            doors = {f["name"]: f for f in lab.json()["frontends"]}
            south, north = doors["fe-south"], doors["fe-north"]
            own = os.path.join(lab.dir, "tls/client-by-certificate.")
            for title, door, how, user in (
                    ("masterzen-winrm signs in with a password", south, [south["user"], south["password"]], "EXAMPLE\\switchback"),
                    ("masterzen-winrm signs in with a certificate", north, [own + "pem", own + "key", "cert"], "FE-NORTH\\operator")):
                port = re.search(r":(\d+)/", door["url"])[1]
                done = subprocess.run([program, "127.0.0.1", port, door["ca"], *how], capture_output=True, text=True, timeout=60,
                                      check=False)
                said = right(json.loads(done.stdout), door["name"], user) if done.returncode == 0 else [done.stderr]
                tap.ok(not said, title + "; output, exit code, stdin and 4,000 lines are as they should be", "\n".join(said))
            port = re.search(r":(\d+)/", south["url"])[1]
            done = subprocess.run([program, "127.0.0.1", port, south["ca"], south["user"], "wrong"], capture_output=True, text=True,
                                  timeout=60, check=False)
            tap.ok(done.returncode != 0 and "401" in done.stderr, "and is refused with a wrong one", done.stdout + done.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tap.done()


sys.exit(main())
