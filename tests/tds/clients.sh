#!/bin/bash
# The TDS door as clients that nobody here wrote see it: tsql, bsqldb, pymssql and impacket, with TLS and the
# certificate checked, or with only the login encrypted; then the db-lib program and the damaged bytes.  One lab for all.
set -u
build=$SWITCHBACK_BUILD_DIR
src=$SB_SRCDIR
work=$(mktemp -d)
lab=$work/lab
python=/usr/bin/python3
n=0 failed=0

cleanup () {
    exec 7>&- 8>&-
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

mkfifo "$work/owner"
exec 8<>"$work/owner" # the lab ends when this shell does, however it ends
if ! "$build/switchback-lab" up --dir "$lab" -t "$src/examples/stretched-pool.ini" --owner-fd 9 9<"$work/owner" 8>&- >"$work/out" 2>&1; then
    sed 's/^/# /' "$work/out"; echo "1..1"; echo "not ok 1 - the lab comes up"; exit 1
fi
password=$($python -c "import json; print(json.load(open('$lab/lab.json'))['instances'][0]['password'])")
$python - "$lab" "$work/freetds.conf" <<'PY'
import json, sys
lab, conf = sys.argv[1], open(sys.argv[2], 'w')
for i in json.load(open(lab + '/lab.json'))['instances']:
    base = f" host = {i['host']}\n port = {i['port']}\n client charset = UTF-8\n text size = 2147483647\n"
    conf.write(f"[{i['name']}]\n{base} tds version = 7.4\n encryption = require\n ca file = {i['ca']}\n")
    conf.write(f"[{i['name']}-wrong-ca]\n{base} tds version = 7.4\n encryption = require\n ca file = system\n")
    conf.write(f"[{i['name']}-plain]\n{base} tds version = 7.4\n encryption = off\n")
    for v in ('7.1', '7.2', '7.3'):
        conf.write(f"[{i['name']}-{v}]\n{base} tds version = {v}\n encryption = require\n ca file = {i['ca']}\n")
PY
export FREETDSCONF=$work/freetds.conf
mkfifo "$work/stay"
"$build/tests/tds/more_doors" "$lab" optional <"$work/stay" >"$work/optional" 8>&- &
exec 7>"$work/stay"
for _ in $(seq 100); do grep -q ready "$work/optional" && break; sleep 0.1; done
port=$(awk '$1 == "north-sql1" { print $2 }' "$work/optional")

# q SERVER SQL [USER PASSWORD]: one batch; output in $work/out
q () { printf '%s\ngo\nexit\n' "$2" | timeout 30 tsql -S "$1" -U "${3:-switchback}" -P "${4:-$password}" -o q >"$work/out" 2>&1; }
has () { grep -q -- "$1" "$work/out"; }
# asks SERVER SQL PATTERN TITLE: the output has a line that matches
asks () { q "$1" "$2"; has "$3"; ok $? "$4"; }

asks north-sql1 "select name, state_desc from sys.databases where name = N'MGC'" '^mgc.ONLINE' 'names compare without regard to case, over TLS with the certificate checked'
q north-sql1-wrong-ca 'select 1'; ! has '^1'; ok $? 'a client that trusts another authority does not get in'
q north-sql1-plain 'select 1'; ! has '^1'; ok $? 'a client without TLS does not get in'
q north-sql1 'select 1' switchback wrong; has 'Msg 18456'; ok $? 'a wrong password is refused with 18456'
q north-sql1 'select 1' nobody wrong; has 'Msg 18456'; ok $? 'an unknown login is refused with 18456'
for v in 7.1 7.2 7.3; do
    asks "north-sql1-$v" "select @@servername, cast(null as int), N'äöü', cast(1.25 as numeric(9,2))" 'NULL.äöü.1.25' "TDS $v is spoken"
done
asks south-sql1 'select count(*) from mgc..tblChat' 'Msg 927' 'a restoring database answers 927'
asks north-sql2 'select count(*) from mgc..tblChat' 'Msg 954' 'a mirror answers 954'
asks north-sql1 'use nowhere' 'Msg 911' 'USE of an unknown database answers 911'
asks north-sql1 'select * from nothing' 'Msg 208' 'an unknown table answers 208'
asks north-sql1 'select nothing from sys.databases' 'Msg 207' 'an unknown column answers 207'
asks north-sql1 'exec nothing' 'Msg 2812' 'an unknown procedure answers 2812'
asks north-sql1 'select nothing(1)' 'Msg 195' 'an unknown function answers 195'
asks north-sql1 'select 1 select from' 'Msg 156' 'a misplaced keyword answers 156'
q north-sql1 "print 'a' select 1 +"; has 'Msg 102' && ! has '^a'; ok $? 'a batch with a syntax error does nothing at all'
asks north-sql1 'select @x' 'Msg 137' 'an undeclared variable answers 137'
asks north-sql1 "select cast('x' as int)" 'Msg 245' 'a text that is no number answers 245'
asks north-sql1 'select 1/0' 'Msg 8134' 'a division by zero answers 8134'

chat="mgc.dbo.tblChat"
q north-sql1 "insert $chat (channelId, chatId, chatDate, userId, isAlert, content) values (901, 1, 5, 7, 0, N'It''s äß 日本'), (901, 2, 5, 7, 1, N'b')"
asks north-sql1 "select content from $chat where channelId = 901 and chatId = 1" "^It's äß 日本$" 'what was inserted is read back'
asks north-sql1 "insert $chat values (901, 1, 5, 7, 0, N'x', null)" 'Msg 2627' 'a second row with the same key is refused'
asks north-sql1 "insert $chat (channelId, chatId) values (901, 9)" 'Msg 515' 'a column that must not be NULL is not'
asks north-sql1 "begin tran insert $chat values (901, 3, 5, 7, 0, N'x', null) select count(*) from $chat where channelId = 901 rollback" '^3$' 'a transaction sees its own rows'
asks north-sql1 "select count(*) from $chat where channelId = 901" '^2$' 'ROLLBACK takes them back'
asks north-sql1 "begin tran update $chat set content = content + N'!' where channelId = 901; delete $chat where chatId = 2 and channelId = 901; commit select content from $chat where channelId = 901" '日本!$' 'COMMIT keeps what UPDATE and DELETE did'
asks north-sql1 'begin tran backup database mgc to disk = N'"'D:\\x.bak'"' rollback' 'Msg 3021' 'no backup in a transaction'
asks north-sql1 'begin tran alter database mgc set multi_user rollback' 'Msg 226' 'no ALTER DATABASE in a transaction'
asks north-sql1 "declare @s nvarchar(max) = N'z'; declare @i int = 0; while @i < 15 begin set @s = @s + @s; set @i = @i + 1 end select len(@s), datalength(@s)" '32768.65536' 'long values are kept whole'
asks north-sql1 "declare @d datetime = '2026-03-01T12:30:00'; select convert(varchar(33), dateadd(month, -1, @d), 126), datediff(minute, @d, '2026-03-01T13:00:30'), datepart(year, @d)" '2026-02-01T12:30:00.30.2026' 'date-times are reckoned as the server does'
asks north-sql1 "select upper(name), quotename(name), isnull(cast(null as nvarchar(5)), N'none') from sys.databases where name like N'm[a-c]ster' or name = 'MASTER '" 'MASTER.\[master\].none' 'functions, LIKE sets and trailing blanks follow T-SQL'

# A planned site failover, as the SQL sheet 6.2 orders it.
share='\\south-fs\shiplogs'
asks north-sql1 "select m.mirroring_role_desc, m.mirroring_state_desc, m.mirroring_safety_level_desc from sys.databases d join sys.database_mirroring m on m.database_id = d.database_id where d.name = N'mgc'" 'PRINCIPAL.SYNCHRONIZED.FULL' 'the principal shows its session'
asks north-sql1 "backup log mgc to disk = N'$share\\t.trn' with norecovery" 'Msg 1468' 'no tail while mirrored: 1468'
asks north-sql1 "backup database mgc to disk = N'$share\\t.bak' with format, checksum, stats = 25" 'Msg 3014' 'a full backup succeeds'
asks north-sql1 "restore headeronly from disk = N'$share\\t.bak'" 'BackupName.*CompressionAlgorithm' 'its header has 59 columns'
asks north-sql1 "restore verifyonly from disk = N'$share\\t.bak'" 'Msg 3262' 'it verifies'
asks north-sql1 "restore headeronly from disk = N'$share\\none.bak'" 'Msg 3201' 'a missing file answers 3201'
for i in north-sql1 north-sql2; do q $i "declare @j uniqueidentifier; select @j = backup_job_id from msdb.dbo.log_shipping_primary_databases where primary_database = N'mgc'; exec msdb.dbo.sp_update_job @job_id = @j, @enabled = 0"; done
q south-sql1 "declare @c uniqueidentifier, @r uniqueidentifier; select @c = copy_job_id, @r = restore_job_id from msdb.dbo.log_shipping_secondary where primary_database = N'mgc'; exec msdb.dbo.sp_update_job @job_id = @c, @enabled = 0; exec msdb.dbo.sp_update_job @job_id = @r, @enabled = 0"
for i in north-sql1 north-sql2 south-sql1; do # nothing of theirs may run any more
    for _ in $(seq 100); do
        q $i "select count(*) from msdb.dbo.sysjobactivity where start_execution_date is not null and stop_execution_date is null"
        has '^0$' && break
        sleep 0.1
    done
done
asks south-sql1 "exec msdb.dbo.sp_start_job @job_name = N'no such job'" 'Msg 14262' 'an unknown job answers 14262'
q north-sql1 "alter database mgc set witness off"
asks north-sql1 'alter database mgc set partner off select mirroring_guid from sys.database_mirroring where database_id = db_id(N'"'mgc'"')' '^NULL$' 'SET PARTNER OFF ends the session'
asks north-sql1 'alter database mgc set partner off' 'Msg 1416' 'a second time it answers 1416'
# the chat servers come back at once; try until nobody was inside
for _ in $(seq 50); do
    q north-sql1 "alter database mgc set single_user with rollback immediate; backup log mgc to disk = N'$share\\tail.trn' with norecovery, init, checksum"
    has 'Msg 3014' && break
done
has 'Msg 3014'; ok $? 'the tail is taken'
asks north-sql1 "backup log mgc to disk = N'$share\\tail2.trn' with norecovery" 'Msg 927' 'and cannot be taken twice'
q north-sql1 "restore headeronly from disk = N'$share\\tail.trn'"; has 'Transaction Log'; ok $? 'its header says that it is a log'
# what the share offers, in order; what is applied already answers 4326 and is passed over
q south-sql1 "exec master.dbo.xp_dirtree N'$share', 1, 1"
for f in $(awk -F'\t' '/^mgc_.*trn/ { print $1 }' "$work/out" | sort) tail.trn; do
    q south-sql1 "restore log mgc from disk = N'$share\\$f' with norecovery"
    has 'Msg 3014' || has 'Msg 4326' || break
done
has 'Msg 3014'; ok $? 'every log and the tail are applied at the secondary'
asks south-sql1 "restore log mgc from disk = N'$share\\tail.trn' with norecovery" 'Msg 4326' 'a log that is applied already answers 4326'
asks south-sql1 "restore database mgc with recovery" 'Msg 3014' 'the secondary recovers'
asks south-sql1 "restore database mgc with recovery" 'Msg 3153' 'and is recovered once'
asks south-sql1 "alter database mgc set multi_user select content from $chat where channelId = 901" '日本!$' 'no committed row is lost'
q south-sql1 "declare @rc int; exec @rc = master.dbo.sp_delete_log_shipping_secondary_database N'mgc'; select @rc; select count(*) from msdb.dbo.log_shipping_secondary_databases where secondary_database = N'mgc'"
[ "$(grep -c '^0$' "$work/out")" = 2 ]; ok $? 'the secondary definition is removed'
asks south-sql1 "exec master.dbo.sp_delete_log_shipping_secondary_database N'mgc'" 'Msg 32014' 'and is not there a second time'
asks south-sql1 "declare @rc int, @j uniqueidentifier, @p uniqueidentifier; exec @rc = master.dbo.sp_add_log_shipping_primary_database @database = N'mgc', @backup_directory = N'$share', @backup_share = N'$share', @backup_job_name = N'LSBackup_mgc', @backup_retention_period = 4320, @backup_job_id = @j output, @primary_id = @p output, @overwrite = 1; select @rc, count(*) from msdb.dbo.sysjobs where job_id = @j and enabled = 0" '^0.1$' 'a new primary definition brings a disabled job'

timeout 20 bsqldb -S south-sql1 -U switchback -P "$password" -q <<<"select name, state_desc from sys.databases where name = N'mgc'" >"$work/out" 2>&1; has 'mgc.*ONLINE'; ok $? 'bsqldb is served'

if $python -c 'import pymssql' 2>/dev/null; then
    timeout 60 $python - "$port" "$password" >"$work/out" 2>&1 <<'PY'
import sys, pymssql
c = pymssql.connect(server='127.0.0.1', port=sys.argv[1], user='switchback', password=sys.argv[2], tds_version='7.3', appname='switchback/RUN/STEP')
k = c.cursor()
k.execute("select app_name(), cast(%d as int), %s, cast(null as datetime)", (5, "äö"))
assert k.fetchall() == [('switchback/RUN/STEP', 5, 'äö', None)]
k.callproc('sp_executesql', ("select @a + 1, @b", "@a int, @b nvarchar(20)", 5, "zz"))
k.nextset()
assert list(k) == [(6, 'zz')]
try:
    k.execute("select * from nothing")
    raise SystemExit('no error')
except pymssql.Error as e:
    assert e.args[0] == 208, e.args
c.rollback()
k.execute("select getutcdate(), cast('2026-01-02' as date), newid(), cast(1 as bit), 0x0102")
row = k.fetchone()
assert str(row[1]) == '2026-01-02' and row[3] is True and row[4] == b'\x01\x02', row
PY
    ok $? 'pymssql is served with only its login encrypted: values, RPC, errors, transactions'
else skip 'pymssql is served' 'python3-pymssql is not installed'; fi

if $python -c 'import impacket' 2>/dev/null; then
    timeout 60 $python - "$port" "$password" >"$work/out" 2>&1 <<'PY'
import sys
from impacket import tds
m = tds.MSSQL('127.0.0.1', int(sys.argv[1])); m.connect()
assert m.login('master', 'switchback', sys.argv[2])
rows = m.sql_query("select name, state_desc from sys.databases where name = N'master'")
assert rows == [{'name': 'master', 'state_desc': 'ONLINE'}], rows
m.disconnect()
m = tds.MSSQL('127.0.0.1', int(sys.argv[1])); m.connect()
assert not m.login('master', 'switchback', 'wrong')
PY
    ok $? 'impacket is served with only its login encrypted, and refused with a wrong password'
else skip 'impacket is served' 'python3-impacket is not installed'; fi

export TDS_DIR=$lab TDS_SERVER=south-sql2 TDS_CONF=$FREETDSCONF TDS_FAULT="$build/switchback-lab fault --dir $lab"
for program in dblib fuzz; do
    timeout 200 "$build/tests/tds/$program" >"$work/tap" 2>&1
    code=$?
    sed -n 's/^# TDS_SEED/# TDS_SEED/p' "$work/tap"
    mapfile -t lines <"$work/tap"
    for line in "${lines[@]}"; do
        case $line in
        ok*) : >"$work/out"; ok 0 "${line#*- }" ;;
        'not ok'*) grep -A3 -F "$line" "$work/tap" >"$work/out"; ok 1 "${line#*- }" ;;
        esac
    done
    cp "$work/tap" "$work/out"
    ok $code "$program ends well"
done

echo "1..$n"
exit $failed
