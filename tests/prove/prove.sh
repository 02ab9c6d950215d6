#!/usr/bin/env bash
# Every history of small workflows, counted in two ways; unsafe ones are caught; the manual page names every invariant.
# Speaks TAP.
# shellcheck disable=SC2016 # jq
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

here=$SB_SRCDIR/tests/prove
prove () { "$switchback" -t "$here/things.ini" --state "$dir/state" prove "$@"; }
stretched () { "$switchback" -t "$SB_SRCDIR/examples/stretched-pool.ini" --state "$dir/state" prove "$@"; }

# counted twice WORKFLOW BUDGET...: merged and singly come to the same histories and the same violations.
same_count ()
{
    local workflow=$here/$1.ini merged singly

    shift
    merged=$(prove "$workflow" --json "$@" | jq -r '[.histories, (.violations | map (.invariant) | sort | join (","))] | join (" ")')
    singly=$(prove "$workflow" --json --singly "$@" | jq -r '[.histories, (.violations | map (.invariant) | sort | join (","))] | join (" ")')
    echo "$merged / $singly"
    [ -n "$merged" ] && [ "$merged" = "$singly" ] && [ "${merged%% *}" -gt "${FEWEST:-1000}" ]
}
ok "a chain: merged and singly walked histories are the same number" same_count chain --deaths 1 --events 1 --faults 1 --total 3
ok "two branches and an undo: the same number" same_count branches --deaths 1 --events 1 --faults 1 --total 2
ok "a gate that refuses and a proof: the same number" same_count proof --deaths 1 --events 1 --faults 1 --total 2

json_is_whole ()
{
    prove "$here/chain.ini" --json --total 1 | jq -e '
        .workflow == "chain" and (.digest | length) == 64 and .budget.deaths == 2 and .states > 10 and .transitions > .states
        and (.histories | type) == "string" and (.violations | length) == 0 and (.invariants | length) >= 7
        and (.seconds | type) == "number" and .peak_rss_kib > 1000'
}
ok "the JSON holds what it promises" json_is_whole

twice_the_same ()
{
    prove "$here/branches.ini" --json --total 2 | jq 'del (.seconds, .peak_rss_kib)' >"$dir/one"
    prove "$here/branches.ini" --json --total 2 | jq 'del (.seconds, .peak_rss_kib)' >"$dir/two"
    [ -s "$dir/one" ] && cmp "$dir/one" "$dir/two"
}
ok "a search comes to the same end each time" twice_the_same
ok "hashes are compared with whole states and no two states share one" prove "$here/branches.ini" --total 2 --full-compare

limit_is_no_proof ()
{
    says "NOT PROVED" prove "$here/chain.ini" --memory 1 --deaths 4 --events 3 --faults 4 --total 9 \
        && ends 1 prove "$here/chain.ini" --memory 1 --deaths 4 --events 3 --faults 4 --total 9
}
ok "a search that reaches its limit proves nothing and says so" limit_is_no_proof

# an undisturbed disturbance or two of each kind; the whole budget is a long test
ok "the packaged failover holds with every single disturbance" stretched failover --total 1

certificate_is_shown ()
{
    prove "$here/chain.ini" --total 1 >/dev/null || return 1
    says "engine and workflow proved over the verb models" "$switchback" -t "$here/things.ini" --state "$dir/state" plan "$here/chain.ini"
}
ok "a plan that was proved says so, with its counts" certificate_is_shown
unproved_says_nothing ()
{
    "$switchback" -t "$here/things.ini" --state "$dir/state" plan "$here/branches.ini" >"$dir/plan" || return 1
    [ -s "$dir/plan" ] && ! grep -q proved "$dir/plan"
}
rm -rf "$dir/state/proofs/"*
prove "$here/chain.ini" --total 1 >/dev/null
ok "another plan does not" unproved_says_nothing

# With no disturbance at all: what lint and the undisturbed history bite.
mutants_are_bitten_by_name ()
{
    stretched failover --mutate --only "remove step" --json >"$dir/mutants"
    jq -e '.tried > 20 and .bitten > 20 and .survived == 0 and (.mutations | map (select (.verdict == "bitten") | .by) | all (length > 3))
        and any (.mutations[]; .mutation == "remove step fence-primary" and .by == "fenced-before-recover")
        and any (.mutations[]; .mutation == "remove step save-shipping" and .by == "saved-before-removed")
        and any (.mutations[]; .mutation == "remove step isolate" and (.by | startswith ("lint: ")))' "$dir/mutants"
}
ok "workflows made worse are bitten by a lint rule or an invariant, by name" mutants_are_bitten_by_name

manual_names_everything ()
{
    local word wrong=0

    for word in $(stretched failover --json --total 0 | jq -r '.invariants[]'); do
        sed 's/\\-/-/g' "$SB_SRCDIR/man/switchback-prove.1" | grep -qx -- ".B $word" || { echo "no word on $word"; wrong=1; }
    done
    for word in $("$switchback" prove --help | sed -n 's/^ *\(-., \)\?--\([a-z-]*\).*/\2/p'); do
        case $word in topology | state | plugins | workflows | help | version) continue ;; esac
        sed 's/\\-/-/g' "$SB_SRCDIR/man/switchback-prove.1" | grep -q -- "--$word" || { echo "no word on --$word"; wrong=1; }
    done
    return "$wrong"
}
ok "switchback-prove(1) names every invariant and every option" manual_names_everything

done_testing
