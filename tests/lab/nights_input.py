#!/usr/bin/python3
"""Bad input, as the command line meets it: configuration, workflows and plugins that cannot be used.

What is wrong with a file in all its ways is the business of the unit tests (tests/base/ini.c, tests/model/*_faults.c,
tests/host/registry.c).  Here: exit code 3, the place as file:line, a sentence, a hint, nothing on standard output, and
no journal, no run folder, nothing done.  Speaks TAP.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from lab import BUILD, PROGRAM, SOURCE, Tap  # noqa: E402

tap = Tap()
DIR = tempfile.mkdtemp(prefix="sb-input-")
STATE = os.path.join(DIR, "state")
THINGS = os.path.join(DIR, "things")
SMALL = f"""[pool test]
fqdn = {os.path.basename(DIR).lower()}.example.net
primary site = north
backup site = south
[site north]
[site south]
[dummy one]
plugin = dummy
folder = {THINGS}
"""
GOOD = """[workflow w]
title = Do one thing
[step a]
title = Do it
action = dummy.do
by = one
undo = not needed
"""
PLUGIN = """#include <switchback/plugin.h>
static const struct sb_option none[] = { { .name = NULL } };
static enum sb_rc run (struct sb_call *call, void *self) { (void) call, (void) self; return SB_OK; }
static const struct sb_action actions[] = {
    { .verb = "do", .help = "do", .effect = SB_READS, .timeout_ms = 1000, .params = none, .results = none, .run = run },
    { .verb = NULL } };
SB_PLUGIN (dummy, .name = "dummy", .role = "dummy", .version = "1", .summary = "another", .settings = none, .actions = actions);
"""


def write(name, text):
    path = os.path.join(DIR, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(text if isinstance(text, bytes) else text.encode())
    return path


def run(*words, topology, before=(), more=()):
    return subprocess.run([*before, PROGRAM, *words, "-t", topology, "--state", STATE, *more], capture_output=True, text=True,
                          errors="replace", stdin=subprocess.DEVNULL, timeout=60, check=False)


def refused(title, done, *words):
    """Exit 3, these words on standard error (regular expressions), a hint, and nothing anywhere else."""
    trouble = [f"not said: {w}" for w in (*words, "HINT: ") if not re.search(w, done.stderr)]
    if done.returncode != 3:
        trouble.append(f"ended with {done.returncode}, not 3")
    if done.stdout:
        trouble.append("something stands on standard output: " + done.stdout)
    if len(done.stderr) > 4000:
        trouble.append(f"{len(done.stderr)} characters are no clear sentence")
    trouble += [f"{path} was made" for path in (STATE, THINGS) if os.path.exists(path)]
    tap.ok(not trouble, title, "\n".join(trouble) + "\n" + done.stderr[:2000])


# ---- configuration

def configuration():
    with open(os.path.join(SOURCE, "examples", "stretched-pool.ini"), "rb") as f:
        pool = f.read()
    write("w.ini", GOOD)

    def topology(title, name, data, *words):
        refused(title, run("plan", "failover", topology=write(name, data)), *words)

    cut = pool.index(b"[server pchat05]") + len(b"[server pchat05]\nsite = so")
    topology("a topology that is cut off", "cut.ini", pool[:cut], r"cut\.ini:\d+: server 'pchat05': site = so names no site")
    topology("a line that is too long", "long.ini", pool + b"[site x]\nfence = " + b"a" * 5000 + b"\n", r"long\.ini:\d+: line of 5008 bytes")
    topology("a file that is too long", "huge.ini", pool + b"; x\n" * 1100000, r"huge\.ini: cannot read: larger than")
    topology("a binary file", "binary.ini", bytes(range(256)) * 4000, r"binary\.ini:1: ")
    topology("an empty file", "empty.ini", b"", r"empty\.ini: there is no pool")
    topology("a section that is there twice", "twice.ini", pool + b"[site north]\n", r"twice\.ini:\d+: section 'site north' is already in line \d+")
    topology("a key that is there twice", "key.ini", pool.replace(b"tls = verify\n", b"tls = verify\ntls = off\n", 1),
             r"key\.ini:\d+: 'tls' is already set in line \d+")
    topology("sites that contradict each other", "contra.ini", pool.replace(b"backup site = south", b"backup site = north"),
             r"contra\.ini:\d+: pool 'pchat': primary site and backup site are both 'north'")
    topology("a mirror in another site than its principal", "far.ini", pool.replace(b"mirror = north-sql2", b"mirror = south-sql3", 1),
             r"far\.ini:\d+: database 'mgc'.*mirror")
    topology("a key that nobody knows", "near.ini", pool.replace(b"dark after =", b"dark aftre ="), r"near\.ini:\d+: .*'dark aftre'", "dark after")
    refused("a folder in place of a topology", run("plan", "failover", topology=DIR), "cannot read: it is a folder")
    file = write("closed.ini", pool)
    os.chmod(file, 0o600)
    os.chmod(DIR, 0o755)
    if os.geteuid() == 0 and shutil.which("setpriv") and reachable():
        nobody = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")
        refused("a topology that may not be read", run("plan", "failover", topology=file, before=nobody), r"closed\.ini: cannot read: Permission denied")


def reachable():
    """May an unprivileged user start the program where it was built?"""
    return subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", PROGRAM, "--version"], capture_output=True,
                          check=False).returncode == 0


# ---- workflows

def workflows():
    small = write("small.ini", SMALL)

    def workflow(title, text, *words):
        refused(title, run("run", write("w.ini", text), topology=small), *words)

    second = GOOD[GOOD.index("[step a]"):].replace("[step a]", "[step b]") + "after = a\n"
    workflow("a workflow with a cycle", GOOD + "after = b\n" + second, r"w\.ini:8: steps wait for each other in a circle")
    workflow("an unknown verb", GOOD.replace("dummy.do", "dummy.doo"), r"w\.ini:5: step 'a': role 'dummy' has no verb 'doo'", "'do'")
    workflow("an unknown role", GOOD.replace("dummy.do", "dns.switch"), r"w\.ini:5: step 'a': there is no role 'dns'")
    workflow("a step that waits for none", GOOD + "after = zzz\n", r"w\.ini:8: ")
    workflow("a workflow that is cut off", GOOD[:GOOD.index("my.do")], r"w\.ini:\d+: ")
    refused("a workflow that is not there", run("run", "failovr", topology=small), "there is no workflow 'failovr'", "failover")


# ---- plugins

def plugins():
    small = write("small.ini", SMALL)
    flow = write("w.ini", GOOD)
    folder = os.path.join(DIR, "plugins")

    def plugin(title, *words, mode=0o755):
        os.chmod(folder, mode)
        refused(title, run("run", flow, topology=small, more=("--plugins", folder)), *words)
        os.chmod(folder, 0o755)

    def build(text):
        source = write("plugin.c", text)
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["cc", "-shared", "-fPIC", "-w", "-I", os.path.join(SOURCE, "include"), "-o", os.path.join(folder, "dummy.so"), source],
                       check=True, capture_output=True)
        os.chmod(os.path.join(folder, "dummy.so"), 0o755)

    refused("a plugin that is not there", run("run", flow, topology=write("small.ini", SMALL.replace("= dummy", "= dumy"))),
            r"\[dummy one\] names plugin 'dumy': there is no plugin 'dumy'")
    write("small.ini", SMALL)
    if not shutil.which("cc"):
        return
    build(PLUGIN.replace("#include <switchback/plugin.h>", "#include <switchback/plugin.h>\n#undef SB_ABI\n#define SB_ABI 999"))
    plugin("a plugin of another ABI", r"plugins/dummy\.so.*ABI")
    build(PLUGIN.replace("{ (void) call,", "{ extern int nowhere_to_be_found (void); nowhere_to_be_found (); (void) call,"))
    plugin("a plugin with an undefined symbol", r"plugins/dummy\.so.*undefined symbol: nowhere_to_be_found")
    build("int other;\n")
    plugin("a library that is no plugin", r"plugins/dummy\.so")
    write("plugins/dummy.so", "this is no library\n")
    plugin("a file that is no library", r"plugins/dummy\.so.*cannot be loaded")
    shutil.copy(os.path.join(BUILD, ".libs", "dummy.so"), os.path.join(folder, "dummy.so"))
    os.chmod(os.path.join(folder, "dummy.so"), 0o755)
    plugin("a plugin in a folder that others can write", "plugins: .*not trusted: others than its owner can write it", "chmod go-w", mode=0o777)
    os.chmod(os.path.join(folder, "dummy.so"), 0o777)
    plugin("a plugin that others can write", r"plugins/dummy\.so: .*not trusted: others than its owner can write it", "chmod go-w")
    os.chmod(os.path.join(folder, "dummy.so"), 0o755)
    done = run("run", flow, topology=small, more=("--plugins", folder))
    tap.ok(done.returncode == 0 and os.path.exists(STATE), "with the rights put right the same plugin is used", done.stderr)


def main():
    try:
        configuration()
        workflows()
        plugins()
        return tap.done()
    finally:
        shutil.rmtree(DIR, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
