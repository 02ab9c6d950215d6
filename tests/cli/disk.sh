#!/usr/bin/env bash
# Trouble under a run: a file system that becomes read-only, a journal whose last writes were torn, a clock that jumps.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

step ()
{
    printf '[step %s]\ntitle = Do %s\naction = dummy.do\nby = one\nthing = %s\nundo = undo-do\n' "$1" "$1" "$1"
}
three () { printf '[workflow w]\ntitle = Three\n'; step a; step b; printf 'takes = %s\nafter = a\n' "$1"; step c; echo "after = b"; }

killed_in_b ()
{
    local name=$1

    background "$name" "$dir/$name/log" run w
    pid=$!
    within 30 grep -q "begin .*Do b" "$dir/$name/log" || { cat "$dir/$name/log"; return 1; }
    kill -9 "$pid"
    ! wait "$pid"
}

# ---- torn writes: whatever of the write-ahead log's end is missing or nonsense, the run goes on
topology torn
three 1s | workflow torn w
ok "a run is killed in the middle" killed_in_b torn
cp -r "$dir/torn/state" "$dir/torn.state"
cp -r "$dir/torn/things" "$dir/torn.things"
size=$(stat -c %s "$dir/torn.state/journal.db-wal")
whole ()
{
    ends 0 sb torn resume && ends 0 sb torn journal verify && thing torn one.a 'done' && thing torn one.b 'done' &&
        thing torn one.c 'done'
}
again ()
{
    rm -rf "$dir/torn/state" "$dir/torn/things"
    cp -r "$dir/torn.state" "$dir/torn/state"
    cp -r "$dir/torn.things" "$dir/torn/things"
    wal=$dir/torn/state/journal.db-wal
}
cut_short () { again; truncate -s "-$1" "$wal"; whole; }
scribbled () { again; printf 'garbage' | dd of="$wal" bs=1 seek=$((size - $1)) conv=notrunc 2>/dev/null; whole; }
longer () { again; head -c 5000 /dev/urandom >>"$wal"; whole; }
ok "it is resumed as it stands" whole
for bytes in 1 24 2000 4120 9000; do
    ok "its log cut short by $bytes bytes, it is resumed" cut_short "$bytes"
done
for bytes in 10 3000 5000; do
    ok "its log scribbled over $bytes bytes before the end, it is resumed" scribbled "$bytes"
done
ok "its log with nonsense behind the end, it is resumed" longer
gone () { again; rm -f "$dir/torn/state/journal.db-wal" "$dir/torn/state/journal.db-shm"; ends 0 sb torn run w && ends 0 sb torn journal verify; }
ok "its log lost altogether, what was done is adopted by a new run" gone

# ---- torn while it is made: the first write of all
topology first
three 100ms | workflow first w
torn_first ()
{
    rm -rf "$dir/first/state" "$dir/first/things"
    ! SB_DISK="torn $1 $2" LD_PRELOAD=$SWITCHBACK_BUILD_DIR/tests/lib/.libs/disk.so \
        ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 "$switchback" run w -t "$dir/first/topology.ini" \
        --state "$dir/first/state" </dev/null || return 1
    ends 0 sb first history && ends 0 sb first run w && ends 0 sb first journal verify
}
for cut in "1 1" "1 50" "1 99" "1 4000" "2 24" "3 1"; do
    ok "write and bytes $cut of a new journal are its last: nothing was begun, and the next run makes it" torn_first "${cut% *}" "${cut#* }"
done

# ---- a file system that has become read-only (the kernel refuses that while somebody writes, so between two runs)
topology readonly
three 100ms | workflow readonly w
mkdir -p "$dir/readonly/state"
cat >"$dir/readonly/script" <<SCRIPT
mount -t tmpfs none $dir/readonly/state || exit 77
sb () { $switchback "\$@" -t $dir/readonly/topology.ini --state $dir/readonly/state </dev/null; }
sb run w || exit 1
mount -o remount,ro $dir/readonly/state || exit 77
for words in "run w" history report "journal verify" status; do
    sb \$words >"$dir/readonly/\${words%% *}" 2>&1
    echo "\${words%% *} \$?"
done >$dir/readonly/codes
mount -o remount,rw $dir/readonly/state
sb run w >$dir/readonly/again 2>&1
SCRIPT
unshare -m bash "$dir/readonly/script" >"$dir/readonly/out" 2>&1
rc=$?
ended () { grep -qx "$1" "$dir/readonly/codes" || { cat "$dir/readonly/codes" "$dir/readonly/${1% *}"; return 1; }; }
if [ "$rc" = 77 ] || ! unshare -m true 2>/dev/null; then
    echo "# read-only file system: left out, nothing can be mounted here"
else
    ok "on a read-only file system a run ends with 6 and begins nothing" ended "run 6"
    ok "and says what could not be done, and what to do" grep -q "HINT" "$dir/readonly/run"
    ok "what was is still told" ended "history 0"
    ok "with its evidence" ended "report 0"
    ok "and its chain can be checked" ended "journal 0"
    ok "status too" ended "status 0"
    ok "when it can be written again a run goes through" grep -q "3 already true" "$dir/readonly/again"
fi

# ---- a clock that jumps
jump=$SWITCHBACK_BUILD_DIR/tests/lib/.libs/jump.so
topology clock
{ printf '[workflow w]\ntitle = Clock\n[gate g]\ntitle = Sure\nask = Sure?\nexpires = 1h\n'; step a; step b; printf 'after = a\ngate = g\n'; } | workflow clock w
echo 0 >"$dir/clock/offset"
export SB_CLOCK_FILE=$dir/clock/offset
clock_of=clock
jumping () { LD_PRELOAD=$jump ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 "$switchback" "$@" -t "$dir/$clock_of/topology.ini" --state "$dir/$clock_of/state"; }
# The newest run, once it is durable: the live view tells of a run before that.
find_run ()
{
    run=$(sb "$1" history --json | grep -o '"run": "[^"]*"' | head -1 | cut -d'"' -f4)
    [ -n "$run" ]
}

at_its_gate ()
{
    LD_PRELOAD=$jump ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 "$switchback" run w --wait \
        -t "$dir/$clock_of/topology.ini" --state "$dir/$clock_of/state" >"$dir/$clock_of/log" 2>&1 </dev/null &
    pid=$!
    within 30 grep -q "gate g" "$dir/$clock_of/log" || { cat "$dir/$clock_of/log"; return 1; }
    within 20 find_run "$clock_of"
}
ended_well () { wait "$pid"; }
ordered () { sqlite3 "$dir/clock/state/journal.db" "SELECT count(*) FROM records a JOIN records b ON b.seq = a.seq + 1 AND b.run = a.run WHERE b.at_ms < a.at_ms" | grep -qx 0; }
ok "a run waits at a gate that expires in an hour" at_its_gate
echo 86400 >"$dir/clock/offset"
ok "the clock jumps a day ahead: the gate is still open" says "gate g waits" sb clock status
ok "and can be answered" ends 0 sb clock approve "$run" g
ok "the run ends well" ended_well
rm -rf "$dir/clock/things"
echo 0 >"$dir/clock/offset"
ok "another run waits" at_its_gate
die () { kill -9 "$pid"; ! wait "$pid"; }
ok "it is killed" die
echo -31536000 >"$dir/clock/offset"
back () { jumping resume --approve g </dev/null; }
ok "the clock jumps a year back: it is resumed to its end" back
ok "and in the history of a run time never goes back" ordered
ok "on an unbroken journal" ends 0 sb clock journal verify
ok "a run is begun by the wrong clock" ends 0 jumping run w --approve g
last_year () { sb clock report --json | grep '"started_ms"' | head -1 | grep -o '[0-9]*' | { read -r ms && [ "$ms" -lt $((($(date +%s) - 30000000) * 1000)) ]; }; }
ok "and it really was the wrong one" last_year

# Evidence is as old as the clock says, and after a death the clock may have been set: it is asked for again.
topology evidence
{ printf '[workflow w]\ntitle = Evidence\n[gate g]\ntitle = Sure\nask = Sure?\n'; step a; step b
    printf 'after = a\ngate = g\nproof = a within 1h\n'; } | workflow evidence w
echo 0 >"$dir/clock/offset"
clock_of=evidence
ok "a run with fresh evidence waits at its gate" at_its_gate
ok "it is killed an hour before somebody sets the clock back" die
echo -7200 >"$dir/clock/offset"
ok "resumed by the wrong clock it ends well" back
asked_again () { sb evidence report --json | grep -q '"kind": "proved"'; }
ok "and has asked for its evidence again" asked_again
done_testing
