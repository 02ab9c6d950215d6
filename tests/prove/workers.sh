#!/usr/bin/env bash
# Several threads search as one does.  Speaks TAP.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

here=$SB_SRCDIR/tests/prove
prove () { "$switchback" -t "$here/things.ini" --state "$dir/state" prove "$@"; }
stretched () { "$switchback" -t "$SB_SRCDIR/examples/stretched-pool.ini" --state "$dir/state" prove "$@"; }

# same_with_workers COMMAND...: any number of threads comes to the same numbers, stories and seeds.
same_with_workers ()
{
    local n

    for n in 1 2 5; do
        "$@" --workers "$n" --json | jq 'del (.seconds, .peak_rss_kib)' >"$dir/workers.$n"
    done
    jq -c '[.states, .transitions, .histories, .ended]' "$dir"/workers.?
    [ -s "$dir/workers.1" ] && cmp "$dir/workers.1" "$dir/workers.2" && cmp "$dir/workers.1" "$dir/workers.5"
}
ok "two workers, and five, come to the same numbers as one" same_with_workers prove "$here/branches.ini" --disturbances 3
ok "also where sites and databases are at work" same_with_workers stretched mirror-failover --disturbances 1
ok "and they tell the same shortest story of what is broken" same_with_workers \
    stretched "$SB_SRCDIR/examples/vendor/failover.ini" --disturbances 1
ok "no two states of a packaged workflow share a hash: whole states are compared, by two workers" \
    stretched mirror-failover --disturbances 1 --workers 2 --full-compare
done_testing
