#!/usr/bin/env bash
# ./run-tests and ./quickstart leave nothing behind when they are killed: what build-aux/prepare.sh starts as tied.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

# Deep enough to be missed by a signal to one process: a session, a shell in it, a process group of its own in that.
cat >"$dir/script" <<'SCRIPT'
set -euo pipefail
. build-aux/prepare.sh
tied bash -c 'timeout 600 sleep "$1"; true' - "$1" | { cat; } {owner}>&-
SCRIPT

works () { pgrep -f "sleep $1" >/dev/null; }
gone () { ! pgrep -f "(sleep|timeout 600 sleep) $1" >/dev/null; }

# killed_by SIGNAL: a script with a tied command gets the signal while the command works.
killed_by ()
{
    local seconds=$((1000 + RANDOM)).$$ pid rc=0

    (cd "$SB_SRCDIR" && exec bash "$dir/script" "$seconds") &
    pid=$!
    within 10 works "$seconds" || return 1
    kill "-$1" "$pid"
    wait "$pid" 2>/dev/null
    within 20 gone "$seconds" || rc=1
    pkill -KILL -f "sleep $seconds"
    return "$rc"
}

ok "what was started ends when the script is killed" killed_by KILL
ok "and when it is told to end" killed_by TERM
ends_as_told ()
{
    cd "$SB_SRCDIR" && ends 7 bash -c '. build-aux/prepare.sh; tied bash -c "exit 7"' && ends 0 bash -c '. build-aux/prepare.sh; tied true'
}
ok "else it ends as its command did" ends_as_told
done_testing
