#!/usr/bin/env bash
# A whole lab: it comes up, survives its end, follows faults, and leaves nothing behind.  Speaks TAP.
set -uo pipefail
lab=${SWITCHBACK_BUILD_DIR:-.}/switchback-lab
src=${SB_SRCDIR:-$(dirname "$0")/../..}
work=$(mktemp -d)
dir=$work/lab
count=0
trap '"$lab" down --dir "$dir" >/dev/null 2>&1; "$lab" down --dir "$work/other" >/dev/null 2>&1; rm -rf "$work"' EXIT

ok ()
{
    count=$((count + 1))
    if [ "$1" = 0 ]; then echo "ok $count - $2"; else echo "not ok $count - $2"; fi
}

# json EXPRESSION: of lab.json as d and of the status as s
json ()
{
    "$lab" status --json --dir "$dir" >"$work/status.json" 2>/dev/null || echo '{}' >"$work/status.json"
    python3 -c "
import json, sys
d = json.load (open ('$dir/lab.json')); s = json.load (open ('$work/status.json'))
print ($1)"
}

# until SECONDS EXPRESSION: a named condition with a deadline
until_true ()
{
    local deadline=$((SECONDS + $1))
    until [ "$(json "$2" 2>/dev/null)" = True ]; do
        [ $SECONDS -lt $deadline ] || return 1
        sleep 0.1
    done
}

# answers PORT
answers ()
{
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

processes ()
{
    pgrep -fc -- "--dir $dir( |\$)"
}

echo 1..14
"$lab" up --dir "$dir" -t "$src/examples/stretched-pool.ini" >/dev/null 2>"$work/err"
ok $? "a lab comes up from a topology"
[ "$(json 'len (d["instances"]) == 7 and len (d["frontends"]) == 2 and len (d["shares"]) == 4')" = True ]
ok $? "lab.json lists instances, front ends and shares"
grep -q '^unattended = yes' "$dir/topology.ini" && grep -q '^dark after = 3s' "$dir/topology.ini"
ok $? "its topology is unattended and quick to call a site dark"
silent=0
for port in $(json '" ".join (str (i["port"]) for i in d["instances"])'); do answers "$port" || silent=1; done
ok $silent "every SQL Server instance listens"
[ "$(json '[c["mirroring"] for c in s["copies"] if c["database"] == "mgc"][:2] == ["SYNCHRONIZED"] * 2')" = True ]
ok $? "the pair is synchronized"
[ -z "$(find "$dir/secrets" "$dir/lab.json" "$dir/lab.cfg" "$dir/tls" -name '*.key' -perm /077 -o -path '*secrets/*' -perm /077 -o -name 'lab.*' -perm /077)" ]
ok $? "secrets, keys and lab.json are for their owner only"
! "$lab" up --dir "$dir" >/dev/null 2>&1
ok $? "a second lab in the same folder is refused"

port=$(json '[i["port"] for i in d["instances"] if i["site"] == "north"][0]')
"$lab" fault --dir "$dir" power-off site north
! answers "$port" && [ ! -e "$dir/mnt/north-setup" ] && [ "$(json 'd["sites"][0]["pid"] is None')" = True ]
ok $? "without power nothing of the site answers, nor can its share be seen"
"$lab" fault --dir "$dir" power-on site north && answers "$port"
ok $? "with power again the same port answers"
kill -KILL -- "-$(json 'd["sites"][1]["pid"]')"
until_true 10 'not s["sites"][1]["powered"]'
ok $? "killing a site's process group is its power loss"
echo '{"verb": "isolate", "op": "run", "params": {"site": "north"}}' | "$dir/bin/power" | grep -q '"seen":"yes".*"grade":"confirmed"' \
    && [ "$(json 's["sites"][0]["held off"] and not s["sites"][0]["powered"]')" = True ]
ok $? "the power controller isolates a site and says so"

"$lab" fault --dir "$dir" power-on site north && "$lab" fault --dir "$dir" power-on site south
before=$(json '[c["fork"] for c in s["copies"]]')
"$lab" down --dir "$dir" >/dev/null
[ "$(processes)" = 0 ]
ok $? "down leaves no process behind"
"$lab" up --dir "$dir" >/dev/null && [ "$(json '[c["fork"] for c in s["copies"]]')" = "$before" ] && answers "$port"
ok $? "up again finds the state and the ports that were there"
"$lab" down --dir "$dir" >/dev/null

dir=$work/other
mkfifo "$work/owner"
sleep 60 >"$work/owner" &
owner=$!
"$lab" up --dir "$dir" -t "$src/examples/small-pool.ini" --owner-fd 5 5<"$work/owner" >/dev/null 2>&1
kill $owner
wait $owner 2>/dev/null
deadline=$((SECONDS + 10))
while [ "$(processes)" != 0 ] && [ $SECONDS -lt $deadline ]; do sleep 0.1; done
[ "$(processes)" = 0 ]
ok $? "a lab ends with its owner"
