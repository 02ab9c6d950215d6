#!/usr/bin/env bash
# Stories of the explorer over the real wire: the vendor's printed failover breaks in the lab what it was foretold to break,
# the packaged failover with a death and with an event comes to the foretold end, and what no lab can bring about is said
# and not pretended.  SB_REPLAYS=N plays so many more stories of the packaged workflows, chosen by SB_SEED.  Speaks TAP.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

topology=$SB_SRCDIR/examples/stretched-pool.ini
prove () { "$switchback" -t "$topology" --state "$dir/state" prove "$@"; }
replay () { "$switchback" -t "$topology" --state "$dir/state" lab replay --json "$@"; }

# The first sample of a budget whose story has all these words and waits for nothing.
sample () # WORKFLOW DICE "BUDGET" WORD...
{
    local workflow=$1 dice=$2 budget=$3 words

    shift 3
    words=$(printf '%s\n' "$@" | jq -R . | jq -sc .)
    # shellcheck disable=SC2086 # words of a budget
    prove "$workflow" $budget --sample 60 --dice "$dice" --playable --json | jq -r --argjson words "$words" 'first (.[]
        | select (.waits_ms < 15000 and (.story as $s | all ($words[]; . as $w | $s | contains ($w))))) | .seed'
}

# same_end OUTPUT SEED [WORKFLOW]
same_end ()
{
    local out=$1 code=0

    shift
    [ -n "$1" ] || { echo "there is no such story"; return 1; }
    replay "$@" >"$out" || code=$?
    echo "seed $1 ended with $code"
    jq -r '.verdict, .differences, (.steps[] | select (.wire | test ("not|NOT|kill|done in")))' "$out"
    [ "$code" = 0 ]
}

prove "$SB_SRCDIR/examples/vendor/failover.ini" --deaths 0 --faults 0 --noes 0 --events 1 --total 1 --json >"$dir/vendor.json"
broken=$(jq -r '.violations[] | select (.invariant == "one-writable-copy") | .seed' "$dir/vendor.json")
ok "the vendor's failover breaks over the wire what prove says it breaks" \
    same_end "$dir/out.json" "$broken" "$SB_SRCDIR/examples/vendor/failover.ini"
ok "two copies of the database can be written there, and the lab says where" jq -e 'any (.steps[];
    (.story | startswith ("This breaks one-writable-copy")) and (.wire | contains ("mgc can be written at north-sql1 and at south-sql1")))' \
    "$dir/out.json"
ok "and nobody has kept the definition that was removed" jq -e 'any (.steps[];
    (.story | startswith ("This breaks saved-before-removed")) and (.wire | startswith ("seen in the lab: ")))' "$dir/out.json"

died=$(sample failover 1 "--deaths 1 --events 1 --faults 0 --noes 0 --total 2" "! The program dies." \
    "! Meanwhile the share with the log backups vanishes.")
ok "failover with a death and a vanished share ends over the wire as prove foretells" same_end "$dir/out.json" "$died"
ok "the program was really killed, and resumed from its journal" jq -e \
    'any (.steps[]; .wire | startswith ("killed with ")) and any (.steps[]; .wire == "done in the lab")' "$dir/out.json"

# A person's own hand is not part of the lab: told for that step, with an exit code of its own, and no lab is brought up.
by_hand ()
{
    local seed

    seed=$(prove failover --deaths 0 --events 1 --faults 0 --noes 0 --total 1 --sample 90 --dice 3 --json | jq -r \
        'first (.[] | select (.story | contains ("a person does the next step by hand"))) | .seed')
    ends 7 replay "$seed" && replay "$seed" | jq -e '(.verdict | startswith ("NOT REPRODUCED"))
        and any (.steps[]; .wire | startswith ("cannot be played: a person"))'
}
ok "what the lab cannot bring about is said and not pretended" by_hand

of_another_plan ()
{
    ends 3 replay "failover@000000000000-0.0.0.0.0-site-lost-" && ends 3 replay "no seed" \
        && ends 3 replay "${broken/@/@0}" "$SB_SRCDIR/examples/vendor/failover.ini"
}
ok "a seed of another plan, or none, is refused" of_another_plan

same_dice ()
{
    prove failover --sample 5 --dice 11 >"$dir/one" && prove failover --sample 5 --dice 11 >"$dir/two" \
        && prove failover --sample 5 --dice 12 >"$dir/three" && [ -s "$dir/one" ] && cmp "$dir/one" "$dir/two" && ! cmp -s "$dir/one" "$dir/three"
}
ok "the same dice choose the same histories" same_dice

# The long campaign: stories of any kind.
if [ "${SB_REPLAYS:-0}" -gt 0 ]; then
    seed=${SB_SEED:-$(date +%s)}
    echo "# SB_SEED=$seed"
    for workflow in failover switchover failback; do
        prove "$workflow" --sample "$SB_REPLAYS" --dice "$seed" --playable --json | jq -r '.[] | select (.waits_ms < 120000) | .seed' \
            >"$dir/seeds"
        while read -r one; do
            ok "$one ends over the wire as foretold" same_end "$dir/out.json" "$one"
        done <"$dir/seeds"
    done
fi
done_testing
