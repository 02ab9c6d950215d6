#!/bin/bash
# Clients that nobody here wrote, each with a program of its own in clients/: isql over tdsodbc, bsqldb, pymssql,
# impacket's mssqlclient, go-mssqldb and tedious.  One lab; its doors differ in what they ask of TLS (--sql-tls).
set -u
build=$SWITCHBACK_BUILD_DIR
src=$SB_SRCDIR
here=$src/tests/tds/clients
work=$(mktemp -d)
lab=$work/lab
python=/usr/bin/python3
n=0 failed=0

cleanup () {
    "$build/switchback-lab" down --dir "$lab" >/dev/null 2>&1
    rm -rf "$work"
}
trap cleanup EXIT

ok () { # ok STATUS TITLE: one line of TAP; a failure shows what was said
    n=$((n + 1))
    if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else
        echo "not ok $n - $2"; failed=1
        sed 's/^/# /' "$work/out" 2>/dev/null | head -30
    fi
}
skip () { n=$((n + 1)); echo "ok $n - $1 # SKIP $2"; }

# What has to be fetched or compiled is, while the lab comes up.
if command -v npm >/dev/null && command -v node >/dev/null; then
    (cd "$work" && timeout 120 npm install --no-audit --no-fund --loglevel=error --prefix "$work/npm" tedious@19.2.2) \
        >"$work/npm.out" 2>&1 &
    npm=$!
fi
if command -v go >/dev/null && [ -d /usr/share/gocode/src/github.com/denisenkom/go-mssqldb ]; then
    GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$work/gocache GOFLAGS=-p=2 CGO_ENABLED=0 \
        go build -o "$work/gomssql" "$here/gomssql.go" >"$work/go.out" 2>&1 &
    go=$!
fi

mkfifo "$work/owner"
exec 8<>"$work/owner" # the lab ends when this shell does, however it ends
if ! "$build/switchback-lab" up --dir "$lab" -t "$src/examples/stretched-pool.ini" --owner-fd 9 \
    --sql-tls north-sql1=optional,north-sql2=none 9<"$work/owner" 8>&- >"$work/out" 2>&1; then
    sed 's/^/# /' "$work/out"; echo "1..1"; echo "not ok 1 - the lab comes up"; exit 1
fi
of () { $python -c "import json; print([i for i in json.load(open('$lab/lab.json'))['instances'] if i['name'] == '$1'][0]['$2'])"; }
optional=$(of north-sql1 port) plain=$(of north-sql2 port) required=$(of south-sql1 port)
password=$(of north-sql1 password) ca=$lab/tls/ca.pem

if "$build/switchback-lab" up --dir "$work/none" -t "$src/examples/stretched-pool.ini" --sql-tls north-sql1=perhaps >"$work/out" 2>&1; then
    "$build/switchback-lab" down --dir "$work/none" >/dev/null 2>&1; false
else
    grep -q "does not know 'north-sql1=perhaps'" "$work/out"
fi
ok $? 'a lab says which word of --sql-tls it does not know'

# ---- isql over tdsodbc ----
driver=$(find /usr/lib -name libtdsodbc.so 2>/dev/null | head -1)
if command -v isql >/dev/null && [ -n "$driver" ]; then
    export ODBCSYSINI=$work ODBCINI=$work/odbc.ini
    printf '[FreeTDS]\nDriver = %s\n' "$driver" >"$work/odbcinst.ini"
    for i in "optional $optional request" "plain $plain off" "required $required require"; do
        read -r name port encryption <<<"$i"
        printf '[%s]\nDriver = FreeTDS\nServer = 127.0.0.1\nPort = %s\nTDS_Version = 7.4\nClientCharset = UTF-8\nEncryption = %s\n' \
            "$name" "$port" "$encryption"
    done >"$work/odbc.ini"
    cat >"$work/odbc.sql" <<'SQL'
select name, cast(null as int) as nothing from sys.databases where database_id < 3
select len(replicate(cast(N'x' as nvarchar(max)), 30000))
select * from nothing
print 'hello'
select N'äß日'
select 1 select 2
SQL
    for door in optional plain required; do
        timeout 60 isql -b -v -m30 "$door" switchback "$password" <"$work/odbc.sql" >"$work/out" 2>&1
        grep -q '| master *|' "$work/out" && grep -q '30000' "$work/out" && grep -q "Invalid object name 'nothing'" "$work/out" \
            && grep -q 'SQL Server\]hello' "$work/out" && grep -q 'äß日' "$work/out"
        ok $? "isql over tdsodbc is served where TLS is $door: rows, NULL, large values, errors, messages"
    done
    timeout 60 isql -b -v required switchback wrong </dev/null >"$work/out" 2>&1; grep -qi 'login failed' "$work/out"
    ok $? 'isql is told that the login failed'
else skip 'isql is served' 'unixodbc or tdsodbc is not installed'; fi

# ---- bsqldb ----
printf '[lab]\n host = 127.0.0.1\n port = %s\n tds version = 7.4\n client charset = UTF-8\n encryption = require\n ca file = %s\n text size = 2147483647\n' \
    "$required" "$ca" >"$work/freetds.conf"
FREETDSCONF=$work/freetds.conf timeout 30 bsqldb -S lab -U switchback -P "$password" -q -t'|' >"$work/out" 2>&1 <<'SQL'
select 1 as a, cast(null as int) as b select N'äß' as c print 'said' select len(replicate(cast(N'y' as nvarchar(max)), 20000))
go
select * from nothing
go
SQL
grep -q '1|NULL' "$work/out" && grep -q 'äß' "$work/out" && grep -q said "$work/out" && grep -q 20000 "$work/out" \
    && grep -q "Invalid object name 'nothing'" "$work/out"
ok $? 'bsqldb is served over TLS: several results, NULL, a message, a large value, an error'

# ---- pymssql, impacket ----
if $python -c 'import pymssql' 2>/dev/null; then
    timeout 120 $python "$here/pymssql_more.py" "$optional" "$password" >"$work/out" 2>&1
    ok $? 'pymssql, its login encrypted: large values, several results, messages, attention, twelve sessions at a time'
    timeout 120 $python "$here/pymssql_more.py" "$plain" "$password" >"$work/out" 2>&1
    grep -q 'acting as a mirror database' "$work/out"
    ok $? 'pymssql without TLS hears from the mirror why its database cannot be opened'
else skip 'pymssql is served' 'python3-pymssql is not installed'; fi
script=/usr/share/doc/python3-impacket/examples/mssqlclient.py
if $python -c 'import impacket' 2>/dev/null && [ -f $script ]; then
    printf "select name from sys.databases where database_id < 3\nexec xp_dirtree 'D:\\\\', 1, 1\nselect * from nothing\nprint 'hello'\nexit\n" >"$work/in"
    for i in "encrypted $optional" "plain $plain"; do
        read -r how port <<<"$i"
        timeout 60 $python $script -port "$port" -file "$work/in" "switchback:$password@127.0.0.1" >"$work/out" 2>&1
        grep -q '^tempdb' "$work/out" && grep -q '^Backup' "$work/out" && grep -q "Invalid object name 'nothing'" "$work/out" \
            && grep -q 'Line 1: hello' "$work/out"
        ok $? "impacket's mssqlclient is served with its login $how: rows, a procedure, an error, a message"
    done
    timeout 60 $python $script -port "$optional" -file "$work/in" "switchback:wrong@127.0.0.1" >"$work/out" 2>&1; grep -q 'Login failed' "$work/out"
    ok $? "impacket's mssqlclient is told that the login failed"
else skip "impacket's mssqlclient is served" 'python3-impacket is not installed'; fi

# ---- go-mssqldb, tedious ----
if [ -n "${go:-}" ]; then
    wait "$go"; cp "$work/go.out" "$work/out"
    ok $? 'a program with go-mssqldb can be built'
    for i in "without TLS|$optional|encrypt=disable" "with its login encrypted|$optional|encrypt=false certificate=$ca" "with TLS|$required|encrypt=true certificate=$ca"; do
        IFS='|' read -r how port words <<<"$i"
        [ "$port" = "$required" ] && port=$optional # its rows go to the principal
        # shellcheck disable=SC2086
        timeout 120 "$work/gomssql" "$port" "$password" $words >"$work/out" 2>&1
        ok $? "go-mssqldb is served $how: values, parameters, large values, errors, transactions, attention, sessions"
    done
else skip 'go-mssqldb is served' 'golang-go or golang-github-denisenkom-go-mssqldb-dev is not installed'; fi
if [ -n "${npm:-}" ] && wait "$npm"; then
    for i in "without TLS|$plain|plain" "with TLS|$required|$ca"; do
        IFS='|' read -r how port word <<<"$i"
        NODE_NO_WARNINGS=1 NODE_PATH=$work/npm/node_modules timeout 120 node "$here/tedious.js" "$port" "$password" "$word" >"$work/out" 2>&1
        ok $? "tedious is served $how: values, parameters, prepared requests, errors, transactions, attention, sessions"
    done
else skip 'tedious is served' "$([ -n "${npm:-}" ] && tail -1 "$work/npm.out" | tr -d '#' || echo 'node and npm are not installed')"; fi

echo "1..$n"
exit $failed
