"""What `make bench` and tests/bench/limits.py share: calling bench/measure and callgrind, reading what they print."""

import os
import re
import shutil
import subprocess
import tempfile

BUILD = os.environ.get("SWITCHBACK_BUILD_DIR", "build")
SOURCE = os.environ.get("SB_SRCDIR", ".")
MEASURE = os.path.join(BUILD, "bench", "measure")
SWITCHBACK = os.path.join(BUILD, "switchback")
SHAPES = ("chain", "wide", "layered", "pool", "barrier")
NETWORK = re.compile(r"lib(curl|sybdb|ct|tds|ssl|crypto|gnutls|xml2|microhttpd|gssapi|krb5)\b[^ ]*")
LIMIT = 500  # seconds for any one program


def words(line):
    """KEY=VALUE ... as numbers."""
    return {key: float(value) for key, value in re.findall(r"(\w+)=(-?[0-9.]+)", line)}


def measure(*args):
    done = subprocess.run([MEASURE, *map(str, args)], capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode != 0:
        raise RuntimeError("measure %s: %d %s" % (" ".join(map(str, args)), done.returncode, done.stderr.strip()))
    return words(done.stdout)


def best(times, key, *args):
    """The run in which `key` was least: other programs of the machine only ever add."""
    return min((measure(*args) for _ in range(times)), key=lambda got: got[key])


class Folder:
    """Empty folders for journals, gone afterwards."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="switchback-bench-")
        self.count = 0
        return self

    def new(self):
        self.count += 1
        path = os.path.join(self.path, str(self.count))
        os.mkdir(path)
        return path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def durable(folder, shape, count, *rest):
    path = folder.new()
    try:
        return measure("durable", shape, count, path, *rest)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def resume(folder, count):
    path = folder.new()
    try:
        return measure("resume", "wide", count, path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def has_valgrind():
    return shutil.which("valgrind") is not None


def instructions(folder, function, *command):
    """User instructions inside a function and what it calls; function None: of the whole program."""
    out = os.path.join(folder.new(), "callgrind")
    toggle = ["--toggle-collect=" + function] if function else []
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + out, *toggle, *map(str, command)],
        capture_output=True, text=True, timeout=LIMIT, check=False)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if not found or int(found.group(1)) == 0:
        raise RuntimeError("callgrind: " + done.stderr[-300:])
    return int(found.group(1))


def per_step(folder, shape, count):
    got = measure("pure", shape, count)["steps"]  # a shape may round
    return instructions(folder, "bench_drive*", MEASURE, "pure", shape, count) / got


def loaded(*command):
    """Shared objects that a program opened, plugins included (glibc's LD_DEBUG, ld.so(8))."""
    env = dict(os.environ, LD_DEBUG="files")
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)
    return set(re.findall(r"calling init: (\S+)", done.stderr))


def linked(program):
    done = subprocess.run(["ldd", program], capture_output=True, text=True, timeout=LIMIT, check=True)
    return [line.split()[0] for line in done.stdout.splitlines() if "=>" in line]


# The packaged procedures call every packaged plugin that has a network library.
LINT = [SWITCHBACK, "workflow", "lint", *(os.path.join(SOURCE, "workflows", name + ".ini")
                                        for name in ("failover", "failback", "steady", "observe"))]
