#!/usr/bin/env bash
# One run per pool across hosts: the hold in the log share of the backup site, and taking it over.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

share=$dir/mnt
mkdir "$share"
topology pool "cool down = 0s"
cat >>"$dir/pool/topology.ini" <<TOPOLOGY
[share ships]
plugin = share
site = south
path = $share
TOPOLOGY
step () { printf '[step %s]\ntitle = Do %s\naction = dummy.do\nby = one\nthing = %s\nundo = undo-do\n' "$1" "$1" "$1"; }
{ printf '[workflow w]\ntitle = Short\n'; step a; } | workflow pool w
{ printf '[workflow long]\ntitle = Long\n'; step b; echo "takes = 30s"; } | workflow pool long

ok "a run holds the pool in the share and lets it go" ends 0 sb pool run w
file=$(find "$share" -name '.switchback-*.lock')
ok "the file tells who held it last, and on which host" grep -q "run w-.*, host $(hostname)" "$file"

# A run on another host: its keeper, with a stdin that stays open.
mkfifo "$dir/stdin"
other_host ()
{
    "$switchback" __hold "$file" "run other, pid 1, host elsewhere" <"$dir/stdin" >"$dir/other" &
    other=$!
    exec 7>"$dir/stdin"
    within 20 grep -q "^held" "$dir/other"
}
ok "another host holds the pool" other_host
rm -rf "$dir/pool/things"
ok "a run is refused with 5" ends 5 sb pool run w
ok "and told who holds it, where, and what can be done" says "run other, pid 1, host elsewhere" sb pool run w
ok "nothing was begun" test ! -e "$dir/pool/things"
ok "a person can take the pool over" ends 0 sb pool run w --take-over
ok "which stays in the journal, with from whom" says '"name": "run other, pid 1, host elsewhere"' sb pool report --json
ok "the other host finds out" within 20 grep -q "^lost" "$dir/other"
exec 7>&-
wait "$other"

ok "the hold ends with its owner" ends 0 sb pool run w

taken_from_us ()
{
    local code=0

    background pool "$dir/log" run long
    pid=$!
    within 20 grep -q "begin .*Do b" "$dir/log" || return 1
    "$switchback" __hold "$file" "run third, pid 1, host elsewhere" take-over <"$dir/stdin" >"$dir/third" &
    exec 8>"$dir/stdin"
    wait "$pid" || code=$?
    exec 8>&-
    [ "$code" = 130 ] && grep -q "the hold on the pool is lost" "$dir/log" && grep -q "^held run long" "$dir/third"
}
ok "a run whose pool is taken over begins nothing more and ends resumable" taken_from_us
ok "it can be resumed when the pool is free again" ends 130 timeout --preserve-status -s INT 5 "$switchback" resume -t "$dir/pool/topology.ini" --state "$dir/pool/state"

rmdir "$dir/nowhere" 2>/dev/null
sed -i "s#path = $share#path = $dir/nowhere#" "$dir/pool/topology.ini"
rm -rf "$dir/pool/state" "$dir/pool/things"
ok "a share that cannot be reached keeps nobody from running" ends 0 sb pool run w
ok "but it is noted that nothing was held" says '"no_hold": "'"$dir/nowhere" sb pool report --json
done_testing
