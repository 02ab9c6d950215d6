#!/usr/bin/env bash
# The vendor's procedure as printed is caught, at every gap that examples/vendor/README.md names.  Speaks TAP.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

# vendor NAME [START]
vendor ()
{
    local words=()

    [ $# = 1 ] || words=(--start "$2")
    "$switchback" -t "$SB_SRCDIR/examples/stretched-pool.ini" --state "$dir/state" prove "$SB_SRCDIR/examples/vendor/$1.ini" --json \
        --deaths 0 --faults 0 --noes 0 --events 2 --total 2 "${words[@]}" >"$dir/$1.json"
    [ -s "$dir/$1.json" ]
}
ok 'the printed failover is searched' vendor failover
ok 'the printed failback is searched' vendor failback
rebuilt () { cp "$dir/failback.json" "$dir/kept" && vendor failback rebuilt; mv "$dir/failback.json" "$dir/rebuilt.json" && mv "$dir/kept" "$dir/failback.json"; }
ok 'the printed failback is searched where the site was rebuilt' rebuilt

caught () # FILE INVARIANT WORDS
{
    [ -s "$dir/$1.json" ] || return 1
    jq -e --arg name "$2" --arg words "$3" '.ended == "complete" and any (.violations[]; .invariant == $name
        and (.why | contains ($words)) and (.story | contains ("This breaks " + $name)) and (.seed | length) > 20)' \
        "$dir/$1.json" >/dev/null || { jq '.ended, .violations' "$dir/$1.json"; return 1; }
}
ok "the missing fence: two copies can be written" caught failover one-writable-copy "can be written at north-sql1 and at south-sql1"
ok "what the old copy takes is nobody's business" caught failover late-writes-are-kept "nobody is to fence or look at it"
ok "the metadata goes with the log shipping" caught failover saved-before-removed "nobody has kept it"
ok "nobody was asked before something was changed" caught failover nothing-changes-unasked "nobody had agreed to anything"
ok "the copies of the lost site are not fenced before another one opens" caught failover fenced-before-recover "does not wait until"
ok "nobody has accepted a loss" caught failover loss-is-accepted "nobody has accepted the quoted loss"
ok "nobody sees it work" caught failover seen-to-work "no message was sent"
ok "nobody agreed, and nothing is evidence" caught failover irreversible-needs-gate-and-evidence "nobody had agreed"
ok "servers are activated before the state is Normal" caught failback state-before-servers "its database is restoring"
ok "connections outlive the active list" caught failback connections-end-before-the-copy "users are still connected"
ok "the late write is lost between the full backup and the switch" caught failback nothing-lost-when-planned "not in the copy that serves"
ok "it is in no copy and in no backup" caught failback only-good-copy "in no copy and in no backup"
ok "the old copy's own messages are overwritten" caught failback overwriting-needs-a-yes "nobody was asked"
ok "after failback there is no mirror" caught failback whole-at-the-end "no synchronized mirror"
ok "and no dormant source, as the site was rebuilt" caught rebuilt whole-at-the-end "no dormant source"

same_names ()
{
    local name wrong=0

    for name in $(jq -r '.violations[].invariant' "$dir"/*.json | sort -u); do
        grep -q "\`$name\`" "$SB_SRCDIR/examples/vendor/README.md" || { echo "README.md says nothing of $name"; wrong=1; }
    done
    return "$wrong"
}
ok "the README names every invariant that they break" same_names
done_testing
