#!/usr/bin/env bash
# Every mutation of a packaged workflow is bitten by a lint rule or an invariant, or has its reason in workflows/*.reasons.
# mutants-long.sh does it for all of them.  Speaks TAP.
# shellcheck disable=SC2016 # jq
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

mutate () { "$switchback" -t "$SB_SRCDIR/examples/stretched-pool.ini" --state "$dir/state" prove "$@" --mutate --json >"$dir/json" 2>"$dir/err"; }
all_bitten_or_explained ()
{
    mutate "$SB_SRCDIR/workflows/$1.ini" || { cat "$dir/err"; jq -c '.mutations[] | select (.verdict | test ("[A-Z]"))' "$dir/json"; return 1; }
    jq -e '.tried > 20 and .bitten > 20 and .survived == 0 and .stale == 0 and .crashed == 0
        and (.mutations | map (select (.verdict == "bitten") | .by) | all (length > 3))
        and (.mutations | map (select (.verdict == "accepted") | .reason) | all (length > 20))' "$dir/json"
}
workflows=(mirror-failover)
if [ -n "${SB_LONG_MUTANTS:-}" ]; then workflows=(failover mirror-failover establish teardown restore-drill); fi
for workflow in "${workflows[@]}"; do
    ok "each mutation of $workflow is bitten, or has its reason" all_bitten_or_explained "$workflow"
done

reason_is_needed ()
{
    : >"$dir/none.reasons"
    ! mutate "$SB_SRCDIR/workflows/mirror-failover.ini" --reasons "$dir/none.reasons" --only "drop retry" \
        && jq -e '.survived == 2 and any (.mutations[]; .verdict == "SURVIVES")' "$dir/json"
}
ok "without a reason a survivor is told, and the command fails" reason_is_needed

stale_reason ()
{
    printf 'reason = A sentence that is long enough to be one.\ndrop gate: to-mirror\n' >"$dir/stale.reasons"
    ! mutate "$SB_SRCDIR/workflows/mirror-failover.ini" --reasons "$dir/stale.reasons" --only "drop gate: to-mirror" \
        && jq -e '.stale == 1 and .survived == 0' "$dir/json"
}
ok "a reason for what is bitten is told as stale" stale_reason

unknown_name ()
{
    printf 'reason = A sentence that is long enough to be one.\nremove step nowhere\n' >"$dir/unknown.reasons"
    ! mutate "$SB_SRCDIR/workflows/mirror-failover.ini" --reasons "$dir/unknown.reasons" \
        && grep -q "unknown.reasons:2: the workflow has no mutation 'remove step nowhere'" "$dir/err"
}
ok "a reason for a mutation that is none is a fault with its line" unknown_name
done_testing
