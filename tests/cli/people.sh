#!/usr/bin/env bash
# What people say to a run from other terminals, and gates that want two persons.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

step ()
{
    printf '[step %s]\ntitle = Do %s\naction = dummy.do\nby = one\nthing = %s\nundo = undo-do\n' "$1" "$1" "$1"
}

# The newest run, once it is durable: the live view tells of a run before that.
find_run ()
{
    run=$(sb "$1" history --json | grep -o '"run": "[^"]*"' | head -1 | cut -d'"' -f4)
    [ -n "$run" ]
}

# A run in the background that has come to the words; its process is $pid, its identifier $run, its log $log.
run_until ()
{
    local name=$1 words=$2

    shift 2
    log=$dir/$name/log
    background "$name" "$log" run w --wait "$@"
    pid=$!
    within 30 grep -q "$words" "$log" || { cat "$log"; return 1; }
    within 20 find_run "$name"
}

ended_with ()
{
    local want=$1 code=0

    within 30 test ! -e "/proc/$pid" || kill -9 "$pid"
    wait "$pid" || code=$?
    [ "$code" = "$want" ] || { echo "ended with $code, not $want"; cat "$log"; return 1; }
}

# ---- held steps
topology held
{ printf '[workflow w]\ntitle = Held\n'; step a; printf 'how = lie\nsettle = 1s\n'; step b; echo "after = a"; } | workflow held w
ok "a run whose step is held waits for people" run_until held "HELD .*Do a"
ok "what nobody did does not count as done" says "told to see whether it is done" sb held "done" "$run" a
ok "and the step is held again, with the reason" within 20 grep -q "a person said that it is done, and reading back does not agree" "$dir/held/log"
by_hand () { mkdir -p "$dir/held/things" && printf 'done' >"$dir/held/things/one.a" && ends 0 sb held "done" "$run" a; }
ok "what a person did by hand counts when reading back agrees" by_hand
ok "and the run goes on to its end" ended_with 0
ok "the claim stands in the report" says '"wish": "done"' sb held report --json

topology skipped
cp "$dir/held/workflows/w.ini" "$dir/skipped/workflows/"
ok "another run is held" run_until skipped "HELD .*Do a"
ok "to skip a step needs a reason" ends 2 sb skipped skip "$run" a
ok "a step that is not held cannot be skipped, and it is said why" says "it is waiting" sb skipped skip "$run" b --reason late
ok "an unknown step is refused" says "has no step" sb skipped retry "$run" x
ok "with a reason it is skipped" ends 0 sb skipped skip "$run" a --reason "the vendor says so"
ok "and the run goes on without it" ended_with 0
ok "the reason stays" says "the vendor says so" sb skipped report --json
ok "words to a run that ended are refused, and it is said that it ended" says "It ended" sb skipped retry "$run" a

# ---- back, and no way back
topology back
{ printf '[workflow w]\ntitle = Back\n[gate g]\ntitle = Sure\nask = Sure?\n'; step a; step b; printf 'after = a\ngate = g\n'; } | workflow back w
ok "a run waits at its gate" run_until back "gate g"
ok "it is taken back by a word from elsewhere" ends 0 sb back abort "$run"
ok "and ends with 1, undone" ended_with 1
topology forward
{ printf '[workflow w]\ntitle = Forward\n[gate g]\ntitle = Sure\nask = Sure?\n'; step a | sed 's/undo = .*/undo = none/'; step b
    printf 'after = a\ngate = g\n'; } | workflow forward w
ok "a run has passed its point of no return" run_until forward "gate g"
ok "from there on going back is refused and the ways forward are named" says "only forward" sb forward abort "$run"
ok "status tells that there is no way back" says "past the point of no return" sb forward status
ok "it goes on when the gate is approved" ends 0 sb forward approve "$run" g
ok "and is done" ended_with 0

# ---- nobody there
topology dead
cp "$dir/back/workflows/w.ini" "$dir/dead/workflows/"
die () { run_until dead "gate g" && kill -9 "$pid" && ! wait "$pid"; }
ok "a run is killed at its gate" die
ok "whoever speaks to it hears that nobody runs it" says "nobody is running" sb dead hold "$run" b
ok "a word can be left for whoever resumes it" says "is left for whoever resumes it" sb dead hold "$run" b --leave
ok "and is heard then" ends 4 sb dead resume --approve g
ok "the step is held as the person wished" says "a person wants it so" sb dead report

# ---- two persons
if [ "$(id -u)" = 0 ]; then
    other () { setpriv --reuid=65534 --regid=65534 --clear-groups "$switchback" "$@"; }
    topology two "operators = nobody" "two persons = g" "break glass = 1h" "unattended = yes"
    chmod 755 "$dir" "$dir/two"
    cp "$dir/back/workflows/w.ini" "$dir/two/workflows/"
    t=$dir/two/topology.ini
    readable () { other plan -t "$t" --help; }
    readable >/dev/null 2>&1 || t=
fi
if [ -n "${t:-}" ]; then
    ok "--approve all does not answer a gate for two persons" run_until two "gate g" --approve all
    ok "the first person agrees" says "a second person is needed" sb two approve "$run" g
    ok "the same person again is not a second one" says "you have agreed" sb two approve "$run" g
    ok "status tells that a second person is waited for" says "second person" sb two status
    ok "somebody who is no operator is not heard" bash -c "! setpriv --reuid=65533 --regid=65533 --clear-groups $switchback approve $run g -t $t --state /nonexistent >'$dir/out2' 2>&1 && grep -q 'no operator' '$dir/out2'"
    mkdir -m 777 "$dir/two/nobody"
    mkdir -m 755 "$dir/two/plugins" # the build folder may lie where nobody else can look
    cp "$SWITCHBACK_BUILD_DIR"/.libs/{pool,dummy}.so "$SWITCHBACK_BUILD_DIR"/{pool,dummy}.manifest "$dir/two/plugins/"
    ok "a run of another user for the same pool is refused with 5" ends 5 other run w -t "$t" --state "$dir/two/nobody" --plugins "$dir/two/plugins"
    locked () { [ "$(stat -c %a /run/switchback/switchback-*.0.lock | sort -u)" = 600 ]; }
    ok "nobody else can open the lock of the pool, so nobody else can hold it" locked
    ok "an operator answers without the journal, at the desk" says "is approved" other approve "$run" g -t "$t" --state /nonexistent
    ok "and the run goes on" ended_with 0
    both () { sb two report --json >"$dir/r.json"; grep -q '"uid": 65534' "$dir/r.json" && grep -q '"kind": "gate-first"' "$dir/r.json"; }
    ok "both persons stand in the journal, as the kernel named them" both
    rm -rf "$dir/two/state" "$dir/two/things"
    ok "one approval by name is only the first person's" run_until two "second person" --approve g
    kill_and_wait () { kill -9 "$pid"; ! wait "$pid"; }
    ok "that run is killed" kill_and_wait
    ok "after a resume the first person is still the first" ends 4 sb two resume --approve g
    sed -i 's/break glass = .*/break glass = 2s/' "$t"
    rm -rf "$dir/two/state" "$dir/two/things"
    ok "a run waits for two persons" run_until two "gate g"
    ok "breaking the glass needs a reason" ends 2 sb two approve "$run" g --break-glass
    ok "one person alone breaks the glass" says "the glass is broken" sb two approve "$run" g --break-glass --reason "nobody else is awake"
    ok "the run goes on after the countdown" ended_with 0
    ok "the mark stays in the report" says "BREAK GLASS" sb two report
    ok "in the history" says "BREAK GLASS" sb two history
    page () { sb two report --html "$dir/two.html" && grep -q "BREAK GLASS at gate g" "$dir/two.html" && grep -q "<td>BREAK GLASS</td><td>.*: nobody else is awake" "$dir/two.html"; }
    ok "and on the page of the report, where who decided what stands too" page
    ok "and in the status" says "BREAK GLASS" sb two status
    sed -i 's/break glass = .*/break glass = 1h/' "$t"
    rm -rf "$dir/two/state" "$dir/two/things"
    ok "another run waits for two persons" run_until two "gate g"
    ok "its glass is broken" ends 0 sb two approve "$run" g --break-glass --reason "alone"
    ok "the other person says no during the countdown" ends 0 other refuse "$run" g -t "$t" --state /nonexistent
    ok "and the step is held" within 20 grep -q "HELD .*Do b" "$log"
    ok "a run can be handed over" says "in the hands of nobody" sb two hand-over "$run" nobody
    ok "status tells who has it" says "in the hands of nobody" sb two status
    kill -INT "$pid"
    ok "it is stopped" ended_with 130
else
    echo "# two persons: left out, two users are needed and this is not root"
fi
done_testing
