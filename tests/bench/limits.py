#!/usr/bin/env python3
"""What must hold on any machine, however busy: instructions, syncs, bytes and shared objects are counted, not timed.
Speaks TAP.  `make bench` prints the rest."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.environ.get("SB_SRCDIR", "."), "bench"))
import lib  # noqa: E402

TESTS = []


def test(title):
    def add(function):
        TESTS.append((title, function))
        return function
    return add


class Missed(Exception):
    pass


def at_most(what, value, limit):
    print("# %s: %.4g, at most %.4g" % (what, value, limit))
    if value > limit:
        raise Missed("%s: %.4g is more than %.4g" % (what, value, limit))


def skip_reason(valgrind):
    build = lib.measure("build")
    if build["sanitized"]:
        return "a build with sanitizers says nothing about cost"
    if not build["optimized"]:
        return "built without optimization"
    if valgrind and not lib.has_valgrind():
        return "valgrind is not installed"
    return None


@test("a step costs at most 5,000 instructions, and of 100,000 steps at most 1.5 times what it costs of 1,000")
def instructions(folder):
    reason = skip_reason(True)
    if reason:
        return reason
    jobs = [(shape, count) for shape in lib.SHAPES for count in (1000, 100000)]
    with ThreadPoolExecutor(2) as pool:
        cost = dict(zip(jobs, pool.map(lambda job: lib.per_step(folder, *job), jobs)))
    for shape in lib.SHAPES:
        at_most("%s, instructions a step of 100,000" % shape, cost[shape, 100000], 5000)
        at_most("%s, of 1,000" % shape, cost[shape, 1000], 5000)
        at_most("%s, growth" % shape, cost[shape, 100000] / cost[shape, 1000], 1.5)
    return None


@test("a step takes at most 1 KiB of memory: plan, names, state")
def memory(_):
    reason = skip_reason(False)
    if reason:
        return reason
    for shape in lib.SHAPES:
        small, large = lib.measure("pure", shape, 1000), lib.measure("pure", shape, 100000)
        kib = (large["rss_kib"] - small["rss_kib"]) / (large["steps"] - small["steps"])
        at_most("%s, KiB a step" % shape, kib, 1)
    return None


@test("a chain makes at most 1.02 batches durable a step, and no more syncs of the log than that")
def chain_syncs(folder):
    got = lib.durable(folder, "chain", 300)
    at_most("batches a step", got["syncs"] / got["steps"], 1.02)
    at_most("syncs of the log a step", got["log_syncs"] / got["steps"], 1.02)
    if got["log_syncs"] < 300:
        raise Missed("only %d syncs for 300 steps one after the other: not durable" % got["log_syncs"])


@test("steps side by side share their syncs: at most 4 for 1,000")
def wide_syncs(folder):
    got = lib.durable(folder, "wide", 1000)
    at_most("batches", got["syncs"], 4)
    at_most("syncs of the log", got["log_syncs"], 4 + 2)  # making the log and folding it in are two of them


@test("the pool's shape of 1,000 steps takes at most twice its depth in syncs")
def pool_syncs(folder):
    got = lib.durable(folder, "pool", 1000)
    at_most("batches", got["syncs"], 2 * got["depth"])
    at_most("syncs of the log", got["log_syncs"], 2 * got["depth"])


@test("the program links six shared objects and no network library")
def shared_objects(_):
    found = [name for name in lib.linked(lib.SWITCHBACK)
             if not name.startswith(("libasan", "libubsan", "linux-vdso", "libgcc_s", "libstdc++", "librt", "libdl",
                                     "libpthread"))]
    print("# " + " ".join(found))
    at_most("shared objects", len(found), 6)
    network = [name for name in found if lib.NETWORK.match(name)]
    if network:
        raise Missed("links " + " ".join(network))


@test("linting the packaged workflows opens no network library")
def lint_is_light(_):
    found = lib.loaded(*lib.LINT)
    if not any("libjansson" in name for name in found):
        raise Missed("the loader reported nothing: %s" % sorted(found))
    network = [name for name in found if lib.NETWORK.match(os.path.basename(name))]
    if network:
        raise Missed("opened " + " ".join(network))


@test("the program takes at most 5 MiB, and with the tables of all packaged plugins, for linting, at most 6")
def resident(_):
    reason = skip_reason(False)
    if reason:
        return reason
    for name, mib, command in (("--version", 5, [lib.SWITCHBACK, "--version"]), ("lint", 6, lib.LINT)):
        got = lib.measure("spawn", 3, *command)
        if got["code"] != 0:
            raise Missed("%s ended with %d" % (name, got["code"]))
        at_most("%s, KiB" % name, got["rss_kib"], mib * 1024)
    return None


def main():
    failures = 0
    print("1..%d" % len(TESTS))
    with lib.Folder() as folder:
        for number, (title, function) in enumerate(TESTS, 1):
            try:
                reason = function(folder)
                print("ok %d - %s%s" % (number, title, " # SKIP " + reason if reason else ""))
            except Exception as error:  # a test that cannot measure has failed
                failures += 1
                print("not ok %d - %s" % (number, title))
                print("# " + "\n# ".join(str(error).splitlines()))
            sys.stdout.flush()
    return failures > 0


sys.exit(main())
