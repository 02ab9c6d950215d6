# shellcheck shell=bash
# What the tests of the command line share: TAP, a folder of their own, a small topology whose steps are played by the
# plugin dummy.  Sourced.  $SWITCHBACK_BUILD_DIR and $SB_SRCDIR are set by the test runner.

: "${SWITCHBACK_BUILD_DIR:=build}" "${SB_SRCDIR:=.}"
SWITCHBACK_BUILD_DIR=$(cd "$SWITCHBACK_BUILD_DIR" && pwd)
SB_SRCDIR=$(cd "$SB_SRCDIR" && pwd)
export LC_ALL=C.UTF-8 NO_COLOR=1
switchback=$SWITCHBACK_BUILD_DIR/switchback
dir=$(mktemp -d "${TMPDIR:-/tmp}/switchback-test.XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$dir"' EXIT
number=0
failures=0

# ok TITLE COMMAND...: one test; what the command printed is shown when it fails.
ok ()
{
    local title=$1

    shift
    number=$((number + 1))
    if "$@" >"$dir/out" 2>&1; then
        echo "ok $number - $title"
    else
        echo "not ok $number - $title"
        sed 's/^/# /' "$dir/out" | tail -n 40
        failures=$((failures + 1))
    fi
}

done_testing ()
{
    echo "1..$number"
    exit $((failures > 0))
}

# ends CODE COMMAND...: true when the command ends with that code.
ends ()
{
    local want=$1 code=0

    shift
    "$@" </dev/null || code=$?
    [ "$code" = "$want" ] || { echo "ended with $code, not $want: $*"; return 1; }
}

# says TEXT COMMAND...: true when the command's output (both channels) holds the text, whatever its code.
says ()
{
    local want=$1 text

    shift
    text=$("$@" </dev/null 2>&1) || true
    grep -qF -- "$want" <<<"$text" || { printf 'not said: %s\n%s\n' "$want" "$text"; return 1; }
}

# within SECONDS COMMAND...: waits for a condition.
within ()
{
    local until=$((SECONDS + $1))

    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$until" ] || { echo "did not come true: $*"; return 1; }
        sleep 0.05
    done
}

# topology NAME [POLICY-LINE...]: writes $dir/NAME/topology.ini.
topology ()
{
    local name=$1

    shift
    mkdir -p "$dir/$name/workflows"
    cat >"$dir/$name/topology.ini" <<TOPOLOGY
[pool test]
fqdn = $name-$$.example.net
primary site = north
backup site = south
[site north]
[site south]
[policy]
dark after = 1s
$(printf '%s\n' "$@")
[dummy one]
plugin = dummy
folder = $dir/$name/things
[dummy two]
plugin = dummy
folder = $dir/$name/things
TOPOLOGY
}

# workflow NAME FILE: the text comes on stdin.
workflow ()
{
    cat >"$dir/$1/workflows/$2.ini"
}

# sb NAME WORDS...: the program with that topology and a state folder beside it.
sb ()
{
    local name=$1

    shift
    "$switchback" "$@" -t "$dir/$name/topology.ini" --state "$dir/$name/state"
}

# background NAME LOG WORDS...: the same beside the test; $! is the program itself.
background ()
{
    local name=$1 log=$2

    shift 2
    "$switchback" "$@" -t "$dir/$name/topology.ini" --state "$dir/$name/state" >"$log" 2>&1 </dev/null &
}

thing ()
{
    [ "$(cat "$dir/$1/things/$2" 2>/dev/null)" = "$3" ]
}
