#!/usr/bin/env bash
# The plugin smb in the hands of an ordinary user: the KDC, smbd and the plugin of tests/smb/kerberos, all run by nobody.
# Speaks TAP: what that test says.  (Run by an ordinary user, that test has shown it already.)
: "${SWITCHBACK_BUILD_DIR:=build}"
program=$SWITCHBACK_BUILD_DIR/tests/smb/kerberos
ordinary=(setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/nonexistent)

skip ()
{
    echo "1..0 # SKIP $1"
    exit 0
}
[ "$(id -u)" = 0 ] || skip "not root, who could become another user"
"${ordinary[@]}" true 2>/dev/null || skip "this root cannot become nobody"
for file in "$program" "$SWITCHBACK_BUILD_DIR/.libs/smb.so" "${SB_SRCDIR:-.}/tests/smb/realm.py"; do
    "${ordinary[@]}" test -r "$file" || skip "nobody cannot read the build folder"
done
exec "${ordinary[@]}" "$program"
