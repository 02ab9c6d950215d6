#!/usr/bin/env bash
# The plan lock and the cool-down: a run begins only with what somebody agreed to, and not to and fro.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

step ()
{
    printf '[step %s]\ntitle = Do %s\naction = dummy.do\nby = one\nthing = %s\nundo = undo-do\n' "$1" "$1" "$1"
}

topology locked
write () { { printf '[workflow w]\ntitle = Locked\nneeds = approval\n[params]\nwhat = x\n'; step a; echo "say = \${params.what}"; step b; echo "after = a"; } | workflow locked w; }
write
f=$dir/locked/plan.json
ok "a plan is written with its lock" says "lock " sb locked plan w --out "$f"
lock=$(grep -o '"lock": "[0-9a-f]*"' "$f" | cut -d'"' -f4)
refused () { ends 1 sb locked run w --plan "$f" "$@" && [ ! -e "$dir/locked/things/one.b" ]; }
mkdir -p "$dir/locked/things"
printf 'done' >"$dir/locked/things/one.a"
ok "when something became true meanwhile the run is refused and begins nothing" refused --approve start
ok "and it is shown what" says 'observed a: "no" -> "yes"' sb locked run w --plan "$f" --approve start
ok "by the lock alone it is refused too" says "the plan lock differs" sb locked run w --approve-plan "$lock"
rm "$dir/locked/things/one.a"
ok "another parameter is another plan" says '"value":"y"' sb locked run w --plan "$f" -p what=y --approve start
sed -i 's/title = Do b/title = Undo everything/' "$dir/locked/workflows/w.ini"
ok "another workflow is another plan, and it is shown what differs" says 'step b: title: "Do b" -> "Undo everything"' sb locked run w --plan "$f" --approve start
write
echo "settle = 3s" >>"$dir/locked/workflows/w.ini"
ok "down to a time-out" says 'step b: settle_ms' sb locked run w --plan "$f" --approve start
write
sed -i 's/dark after = 1s/dark after = 2s/' "$dir/locked/topology.ini"
ok "another topology is another plan" says 'the topology' sb locked run w --plan "$f" --approve start
sed -i 's/dark after = 2s/dark after = 1s/' "$dir/locked/topology.ini"
other_version () { sed "s/\"dummy\": \"[^\"]*\"/\"dummy\": \"0.0\"/" "$f" >"$dir/locked/other.json" && ! cmp -s "$f" "$dir/locked/other.json"; }
ok "another version of a plugin is another plan" other_version
ok "and it is shown which" says 'plugin dummy: "0.0" -> ' sb locked run w --plan "$dir/locked/other.json" --approve start
ok "what is no plan is refused with 3" ends 3 sb locked run w --plan "$dir/locked/topology.ini" --approve start
ok "too short a lock is refused with 2" ends 2 sb locked run w --approve-plan "${lock:0:6}"
ok "a plan that is not approved waits, however well it is locked" ends 4 sb locked run w --plan "$f"
ok "nothing of all that did anything" test ! -e "$dir/locked/things/one.b"
ok "whoever names the lock agrees to the plan" ends 0 sb locked run w --approve-plan "$lock"
ok "and the report tells to which lock the run was held" says "held to plan lock $lock" sb locked report

topology flapping
{ printf '[workflow w]\ntitle = Move\n'; step a | sed 's/undo = .*/undo = none/'; } | workflow flapping w
{ printf '[workflow v]\ntitle = Look\n'; step b; } | workflow flapping v
ok "a pool is moved" ends 0 sb flapping run w
ok "so soon after it is not moved again" says "cool down" sb flapping run w
ok "that is no success" ends 1 sb flapping run w
ok "what moves nothing may be run" ends 0 sb flapping run v
ok "a drill too" ends 0 sb flapping run w --drill
ok "with a reason it is moved" ends 0 sb flapping run w --acknowledge "the first site is on fire after all"
ok "and the reason stays" says "on fire after all" sb flapping report
# ---- what earlier runs foretell
topology foretold "cool down = 0s"
{ printf '[workflow w]\ntitle = Foretold\n'; step a; echo "takes = 1200ms"; step b; printf 'takes = 3s\nafter = a\n'; step c; echo "after = a"; } | workflow foretold w
first_run () { ends 0 sb foretold run w && ! grep -q forecast "$dir/out"; }
ok "a first run has nothing to go by" first_run
ok "a plan is foretold by it, with its critical path" says "critical path: a, b" sb foretold plan w
rm -rf "$dir/foretold/things"
ok "the next run tells how long it will take, without people's time" says "forecast: about " sb foretold run w
ok "what was foretold stands beside what came, step by step" says ", nine of ten 1" sb foretold report
both_numbers () { sb foretold report --json | grep -q '"took_ms"' && sb foretold report --json | grep -q '"foretold"'; }
ok "and in JSON" both_numbers
on_the_page ()
{
    sb foretold report --html "$dir/foretold.html" && grep -q "<th>Foretold</th><td>about [0-9].*nine of ten [0-9]" "$dir/foretold.html" &&
        grep -Eq '>Do b<.*<td class="n[a-z ]*">[0-9.ms]+<.*<td class=n>[0-9.ms]+<div class=res>nine of ten [0-9]' "$dir/foretold.html"
}
ok "and on the page, beside what each step took" on_the_page
in_the_list () { sb foretold history | grep -Eq "w .*Z +[0-9.m]+s +[0-9.m]+s +done"; }
ok "the history tells what was foretold of a run" in_the_list
head_of () { sb foretold "$@" | sed -n 's/^journal: record \([0-9]*\), \([0-9a-f]*\)$/\1:\2/p'; }
same_head () { [ -n "$(head_of history)" ] && [ "$(head_of history)" = "$(head_of report)" ] && grep -q "$(head_of history | cut -d: -f2)" "$dir/foretold.html"; }
ok "history, report and page name the same head of the journal" same_head
ok "against which the journal can be held" ends 0 sb foretold journal verify --head "$(head_of history)"
cut_off () { ends 6 sb foretold journal verify --head "999999:$(head_of history | cut -d: -f2)"; }
ok "and an end that was cut off is found" cut_off
rm -rf "$dir/foretold/things"
begin_again () { background foretold "$dir/foretold/log" run w; pid=$!; within 30 grep -q "begin .*Do b" "$dir/foretold/log"; }
ok "another run begins" begin_again
ok "while it goes on it says what is left" grep -q "left)" "$dir/foretold/log"
ok "and so does status" says "are left" sb foretold status
wait "$pid"
done_testing
