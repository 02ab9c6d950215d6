#!/usr/bin/env bash
# Runs with the plugin dummy: carried out, adopted, killed and resumed, gated, failed and undone, stopped, told.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

step ()
{
    printf '[step %s]\ntitle = Do %s\naction = dummy.do\nby = %s\nthing = %s\nundo = undo-do\n' "$1" "$1" "${2:-one}" "$1"
}

# ---- done, and already so
topology plain
{ printf '[workflow w]\ntitle = Three things\n'; step a; step b two; echo "after = a"; step c; echo "after = b"; } | workflow plain w
ok "a workflow is carried out" ends 0 sb plain run w
ok "what it was for is so" thing plain one.c 'done'
ok "a second run finds everything true already" says "3 already true" sb plain run w
ok "nothing unfinished: resume ends with 0" ends 0 sb plain resume
ok "history lists both runs" says "w-" sb plain history
ok "the report tells every step" says "Do b" sb plain report
ok "the report comes as JSON" says '"outcome": "done"' sb plain report --json
ok "the journal's chain is whole" says "unbroken" sb plain journal verify
html () { sb plain report --html "$dir/r.html" && grep -q "<h1>Three things" "$dir/r.html"; }
ok "the report comes as a page" html

# ---- killed and resumed
topology killed
{ printf '[workflow w]\ntitle = Slow\n'; step a; echo "takes = 300ms"; step b; printf 'takes = 4s\nafter = a\n'
    step c; echo "after = b"; } | workflow killed w
kill_in_the_middle ()
{
    background killed "$dir/killed/log" run w
    local pid=$!

    within 20 grep -q "begin .*Do b" "$dir/killed/log" || { cat "$dir/killed/log"; return 1; }
    workers=$(pgrep -P "$pid" -f __lane)
    [ -n "$workers" ] || { echo "it has no workers"; return 1; }
    kill -9 "$pid"
    ! wait "$pid"
}
workers_gone ()
{
    local pid

    for pid in $workers; do
        [ ! -e "/proc/$pid" ] || return 1
    done
}
ok "a run can be killed in the middle of a step" kill_in_the_middle
ok "its workers die with it" within 10 workers_gone
ok "status shows it as unfinished" says "unfinished" sb killed status
resume_it () { ends 0 timeout 60 "$switchback" resume --state "$dir/killed/state" -t "$dir/killed/topology.ini"; }
ok "resume carries it to its end" resume_it
ok "everything was done" thing killed one.c 'done'
once () { [ "$(sb killed report --json | grep -c '"kind": "intent"')" -ge 3 ]; }
ok "every intention stands in the journal" once

# ---- gates
topology gated
{ printf '[workflow w]\ntitle = Gated\n[gate careful]\ntitle = Care\nask = Sure?\n'; step a; step b
    printf 'after = a\ngate = careful\n'; } | workflow gated w
ok "a gate nobody answers ends the run with 4" ends 4 sb gated run w
ok "what stands before the gate was done, what stands behind it not" bash -c "[ -e '$dir/gated/things/one.a' ] && [ ! -e '$dir/gated/things/one.b' ]"
ok "--approve all is refused without the policy" ends 2 sb gated resume --approve all
ok "an answer to a run that nobody runs is refused, with what to do instead" says "switchback resume" sb gated approve "w-" careful
ok "naming the gate goes on" ends 0 sb gated resume --approve careful
ok "and does what stands behind it" thing gated one.b 'done'
who () { sb gated report --html "$dir/gated.html" && grep -q "Sure?.*yes (declared).*, by --approve" "$dir/gated.html"; }
ok "the page tells what was asked, how it was answered and by whom" who
topology unattended "unattended = yes"
cp "$dir/gated/workflows/w.ini" "$dir/unattended/workflows/"
ok "--approve all goes through under the policy" ends 0 sb unattended run w --approve all

# ---- failed and undone
topology failing
{ printf '[workflow w]\ntitle = Fails\n'; step a; step b; printf 'after = a\nhow = fail\n'; } | workflow failing w
ok "a failing step ends the run with 1" ends 1 sb failing run w
ok "what was done before it was undone" bash -c "[ ! -e '$dir/failing/things/one.a' ]"

# ---- trouble of plugins
topology trouble
{ printf '[workflow w]\ntitle = Crash\n'; step a; echo "how = crash"; } | workflow trouble w
ok "a plugin that crashes does not take the run along, and the run tells that it crashed" bash -c "$switchback run w -t $dir/trouble/topology.ini --state $dir/trouble/state 2>&1 | grep -q 'FAILED.*Segmentation fault' && [ \${PIPESTATUS[0]} = 1 ]"

# ---- one run per pool
topology busy
{ printf '[workflow w]\ntitle = Long\n'; step a; echo "takes = 9s"; } | workflow busy w
two_at_once ()
{
    background busy "$dir/busy/log" run w
    local pid=$! rc=0

    within 20 grep -q "begin .*Do a" "$dir/busy/log" &&
        ends 5 "$switchback" run w -t "$dir/busy/topology.ini" --state "$dir/busy/other" || rc=1
    kill -INT "$pid"
    wait "$pid"
    [ $? = 130 ] || rc=1
    return "$rc"
}
ok "two runs for one pool: the second ends with 5, whatever its state folder; SIGINT ends the first with 130" two_at_once

abort_from_elsewhere ()
{
    local pid code=0

    background busy "$dir/busy/log2" run w
    pid=$!
    if ! within 20 grep -q "begin .*Do a" "$dir/busy/log2" || ! ends 0 sb busy resume --abort; then
        kill "$pid"
        return 1
    fi
    wait "$pid" || code=$?
    [ "$code" = 1 ] && grep -q "aborted by a person" "$dir/busy/log2"
}
rm -rf "$dir/busy/state" "$dir/busy/things"
ok "a run that goes on can be aborted from another terminal; it ends with 1" abort_from_elsewhere

# ---- a journal that was touched
topology touched
cp "$dir/plain/workflows/w.ini" "$dir/touched/workflows/"
sb touched run w >/dev/null 2>&1
tamper () { sqlite3 "$dir/touched/state/journal.db" "UPDATE records SET at_ms = at_ms + 1 WHERE seq = 3"; ends 6 sb touched journal verify; }
ok "a changed record is found" tamper

# ---- a drill says so
topology drill
cp "$dir/plain/workflows/w.ini" "$dir/drill/workflows/"
ok "a drill says DRILL in every line" says "DRILL" sb drill run w --drill
ok "and in the history" says "DRILL" sb drill history
done_testing
