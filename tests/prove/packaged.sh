#!/usr/bin/env bash
# The packaged workflows hold in every history: failover within the whole default budget, the others with each single
# disturbance, in both orders of the calls, failback in both worlds it may begin in.  Speaks TAP.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

topology=stretched-pool
proved ()
{
    "$switchback" -t "$SB_SRCDIR/examples/$topology.ini" --state "$dir/state" prove "$@" --json >"$dir/json"
    jq -c '{states, transitions, histories, ended, violations: [.violations[].invariant]}' "$dir/json"
    jq -e '.ended == "complete" and .violations == []' "$dir/json" >/dev/null
}
# Sanitizers make a search twenty times as long; the searches of prove.sh have looked at the same code.
if grep -q '^#define SB_SANITIZED' "$SWITCHBACK_BUILD_DIR/config.h"; then
    ok "failover holds with every single disturbance" proved failover --total 1
    done_testing
fi
for topology in small-pool no-witness; do
    ok "failover of $topology holds with every single disturbance" proved failover --total 1
    ok "failback of $topology holds with every single disturbance" proved failback --total 1
done
topology=stretched-pool
for workflow in failover mirror-failover switchover failback; do
    ok "$workflow holds with every single disturbance" proved "$workflow" --total 1
    ok "$workflow holds with every single disturbance, in the other order of calls" proved "$workflow" --total 1 --reverse
done
ok "failback holds where the first site was built anew" proved failback --total 1 --start rebuilt
ok "failover holds within the default budget: 2 deaths, 2 events, 1 fault, any two of them" proved failover
ok "that were more than 10^5 states and 10^6 transitions, and less than 1 GiB" jq -e \
    '.states >= 1e5 and .transitions >= 1e6 and .peak_rss_kib < 1048576' "$dir/json"
done_testing
