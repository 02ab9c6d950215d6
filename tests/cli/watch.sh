#!/usr/bin/env bash
# What is owed to a site: told, watched for, paid; and what the program says where when it is asked for JSON.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

# owing NAME HOW: a topology whose north is dark (nobody listens at the port), and a workflow that owes a step there.
owing ()
{
    topology "$1" "watch interval = 100ms"
    sed -i 's/^dark after.*/dark after = 200ms/' "$dir/$1/topology.ini"
    cat >>"$dir/$1/topology.ini" <<TOPOLOGY
[instance n1]
site = north
host = 127.0.0.1
port = $port
credential = sa
[credential sa]
user = sa
secret = file:sa.secret
TOPOLOGY
    workflow "$1" w <<WORKFLOW
[workflow w]
title = Owes
[step a]
title = Do a
action = dummy.do
by = one
on = n1
look = unknown
settle = 50ms
undo = undo-do
if dark = owe
WORKFLOW
    sb "$1" run w >"$dir/$1/first" 2>&1
}

# listen: something of north answers from now on; $listener is to be killed.
listen ()
{
    python3 -c "import socket; s = socket.create_server (('127.0.0.1', $port)); print ('up', flush=True)
while True: s.accept ()[0].close ()" >"$dir/listening" &
    listener=$!
    within 20 grep -q up "$dir/listening"
}

records ()
{
    sb "$1" journal verify --json | jq .records
}

one_json ()
{
    "$@" 2>"$dir/stderr" </dev/null | jq -e -s 'length == 1' >"$dir/jq" || { cat "$dir/jq" "$dir/stderr"; return 1; }
}

owing dark
ok "what a dark site owes is told" grep -q "^owed: Do a" "$dir/dark/first"
silent ()
{
    local before after

    before=$(records dark)
    ends 0 timeout 30 "$switchback" watch --for 1s -t "$dir/dark/topology.ini" --state "$dir/dark/state"
    after=$(records dark)
    [ "$before" = "$after" ] || { echo "$before records, then $after"; return 1; }
}
ok "a watch over a site that stays dark writes nothing" silent
in_time () { ends 0 timeout 5 "$switchback" watch --for 100ms -t "$dir/dark/topology.ini" --state "$dir/dark/state"; }
sed -i 's/^watch interval.*/watch interval = 1h/' "$dir/dark/topology.ini"
ok "--for ends a watch in time, however long its interval" in_time
ok "a watch tells JSON when it is asked to" one_json sb dark watch --once --json
ok "status tells JSON" one_json sb dark status --json

owing vain
owing often
listen
json_run () { one_json sb vain run w --json && sb vain run w --json 2>"$dir/stderr" | jq -e '.paid[0].run'; }
ok "what is paid before a run is part of its one JSON object" json_run
seldom ()
{
    local rc=0 pid

    background often "$dir/often/log" watch
    pid=$!
    within 60 grep -q "attempts have paid nothing; the next one in 400ms" "$dir/often/log" || { cat "$dir/often/log"; rc=1; }
    kill "$pid"
    wait "$pid" || rc=1
    return "$rc"
}
ok "a site that answers but cannot be paid is tried less and less often" seldom
kill "$listener"

# ---- what a run could not tell anybody
owing mute
cat >>"$dir/mute/topology.ini" <<TOPOLOGY
[channel post]
plugin = command
program = $dir/mute/post
events = run
TOPOLOGY
cat >"$dir/mute/post" <<PROGRAM
#!/bin/sh
cat >/dev/null
if [ -e "$dir/mute/works" ]; then
    echo once >>"$dir/mute/told"
    echo '{"rc": "ok", "seen": "yes"}'
else
    echo '{"rc": "retry", "seen": "no", "message": "not now"}'
fi
PROGRAM
chmod 755 "$dir/mute/post"
told_later ()
{
    sb mute run w 2>&1
    [ ! -e "$dir/mute/told" ] || return 1
    touch "$dir/mute/works"
    background mute "$dir/mute/log" watch --for 30s
    within 25 test -e "$dir/mute/told" || { sqlite3 "$dir/mute/state/journal.db" "SELECT * FROM notes"; return 1; }
    kill $!
}
ok "a message that a run could not deliver is delivered by the watch" told_later

# ---- what a later run has done since
owing later
settled ()
{
    says "owed: a of run" sb later status || return 1
    sed -e 's/^look = unknown/look = truth/' -e 's/workflow w]/workflow back]/' "$dir/later/workflows/w.ini" >"$dir/later/workflows/back.ini"
    sb later run back >"$dir/later/second" 2>&1 || { cat "$dir/later/second"; return 1; }
    says "nothing is owed" sb later status && ! sb later watch --once 2>&1 | grep -q paying
}
ok "what a later run did, or saw to be done, is owed no more by an earlier one" settled
ok "and that run is not carried on by resume" says "nothing is unfinished" sb later resume --approve all

# ---- the memory cannot be read
owing blind
sqlite3 "$dir/blind/state/journal.db" "ALTER TABLE step_states RENAME COLUMN state TO was"
ok "status does not call it nothing when the journal cannot tell what is owed" ends 6 sb blind status

# ---- channels that are closed
owing closed
closed_stdout ()
{
    sb closed run w >&- 2>"$dir/stderr"
    [ $? = 1 ] && ! grep -rqs "owed: Do a" "$dir/closed/state"/*.lock && ends 0 sb closed journal verify
}
ok "with standard output closed a run is carried out, its lock is not written into, and it ends with 1" closed_stdout

# ---- words that nothing asks for
ok "an approval of a gate that the workflow does not have is a usage error" ends 2 sb dark run w --approve los
ok "approve where nothing was ever run says so" says "has no run" sb nothing approve x y
nothing_made () { ! [ -e "$dir/nothing/state" ]; }
ok "and makes no journal" nothing_made

ok "workflows beside the topology are listed" says "Owes" sb dark workflow list
ok "and shown" says "dummy.do" sb dark workflow show w
done_testing
