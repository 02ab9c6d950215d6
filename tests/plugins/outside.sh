#!/usr/bin/env bash
# A plugin built out of tree, from an installed copy and pkg-config alone, used in a workflow.  Speaks TAP.
set -uo pipefail
build=${SWITCHBACK_BUILD_DIR:?} src=${SB_SRCDIR:?}
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0

ok () # ok STATUS TITLE [LOG]
{
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        [ $# -lt 3 ] || sed 's/^/# /' "$3"
    fi
}

echo 1..10

umask 022
env -u MAKEFLAGS -u MFLAGS make -C "$build" -s install DESTDIR="$tmp/root" >"$tmp/install.log" 2>&1
ok $? "make install into a folder works" "$tmp/install.log"
libdir=$(sed -n "s/^libdir = //p" "$build/Makefile" | sed "s|\${exec_prefix}|$(sed -n 's/^prefix = //p' "$build/Makefile")|")
plugins=$tmp/root$libdir/switchback
program=$(find "$tmp/root" -type f -name switchback -perm -u+x | head -1)

[ -n "$program" ] && ls "$plugins"/*.so >/dev/null && ! ls "$plugins"/*.la 2>/dev/null
missing=0
for so in "$plugins"/*.so; do
    [ -f "${so%.so}.manifest" ] || missing=1
done
ok $missing "each installed plugin has its manifest beside it"

cp -r "$src/examples/site-plugin" "$tmp/plug"
chmod -R u+w "$tmp/plug"
env -u MAKEFLAGS -u MFLAGS make -C "$tmp/plug" PKG_CONFIG_PATH="$tmp/root$libdir/pkgconfig" SYSROOT="$tmp/root" >"$tmp/make.log" 2>&1 \
    && ! grep -q "$src" "$tmp/make.log"
ok $? "the example builds with what pkg-config says, and nothing from the source tree" "$tmp/make.log"

"$program" plugin show journal --plugins "$tmp/plug" >"$tmp/show.log" 2>&1 && grep -q "log book" "$tmp/show.log"
ok $? "the installed program describes it" "$tmp/show.log"

cp "$src/examples/small-pool.ini" "$tmp/topology.ini"
chmod u+w "$tmp/topology.ini"
cat >>"$tmp/topology.ini" <<'TOPOLOGY'
[dummy one]
plugin = dummy
folder = world
[channel log-book]
plugin = journal
file = messages.log
TOPOLOGY
sed -i 's/^tool site = .*//' "$tmp/topology.ini"
"$program" -t "$tmp/topology.ini" --state "$tmp/state" --plugins "$tmp/plug" --plugins "$plugins" --workflows "$tmp/plug" \
    run rehearsal >"$tmp/run.log" 2>&1
ok $? "a workflow with it runs to its end" "$tmp/run.log"

grep -q 'tell> step: the thing is done' "$tmp/messages.log"
ok $? "the log book was written" "$tmp/run.log"

# A plugin that stands there with its manifest while a library that it needs has gone from the host.
mkdir "$tmp/gone"
echo 'int sb_gone;' | cc -shared -fPIC -x c - -o "$tmp/gone/libsb-gone.so" \
    && cc -shared -fPIC -I"$(find "$tmp/root" -path '*/include' -type d | head -1)" "$tmp/plug/journal.c" -o "$tmp/gone/journal.so" \
        -Wl,--no-as-needed -Wl,-rpath,"$tmp/gone" -L"$tmp/gone" -lsb-gone \
    && "$program" __describe "$tmp/gone/journal.so" >"$tmp/gone/journal.manifest" && rm "$tmp/gone/libsb-gone.so"
"$program" -t "$tmp/topology.ini" --state "$tmp/state" --plugins "$tmp/gone" --plugins "$plugins" --workflows "$tmp/plug" \
    plan rehearsal >"$tmp/plan.log" 2>&1 && grep -q 'plugin journal of \[channel log-book\] cannot work here: .*libsb-gone.so' "$tmp/plan.log"
ok $? "plan names a plugin whose library has gone" "$tmp/plan.log"
"$program" -t "$tmp/topology.ini" --state "$tmp/state" --plugins "$tmp/gone" --plugins "$plugins" check >"$tmp/check.log" 2>&1
[ $? = 1 ] && grep -q 'plugin journal of .* cannot work here: .*libsb-gone.so' "$tmp/check.log"
ok $? "check names it, too" "$tmp/check.log"

# The plugin that is under another licence as a package of its own: both together are what `make install` installs.
files ()
{
    (cd "$1" && find . ! -type d | LC_ALL=C sort)
}
title="what make install-smb installs is the plugin smb with its licence, and nothing else"
if [ -e "$build/smb.la" ]; then
    env -u MAKEFLAGS -u MFLAGS make -C "$build" -s install-smb DESTDIR="$tmp/smb" >"$tmp/smb.log" 2>&1 \
        && files "$tmp/smb" >>"$tmp/smb.log" && [ "$(files "$tmp/smb" | sed 's|.*/||' | xargs)" = \
            "smb.manifest smb.so COPYING NOTICE switchback-smb.7" ] && grep -q 'Version 3, 29 June 2007' "$(find "$tmp/smb" -name COPYING)"
    ok $? "$title" "$tmp/smb.log"
    env -u MAKEFLAGS -u MFLAGS make -C "$build" -s install-without-smb DESTDIR="$tmp/rest" >"$tmp/rest.log" 2>&1 \
        && diff <({ files "$tmp/smb"; files "$tmp/rest"; } | LC_ALL=C sort) <(files "$tmp/root") >>"$tmp/rest.log"
    ok $? "make install-without-smb installs all the rest" "$tmp/rest.log"
else
    echo "ok 9 - $title # SKIP built without it"
    echo "ok 10 - make install-without-smb installs all the rest # SKIP built without it"
fi
