#!/usr/bin/env bash
# What an account may do on a share, in the hands of an ordinary user: root may everything, so root becomes nobody here.
# Speaks TAP: what tests/smb/rights says.
: "${SWITCHBACK_BUILD_DIR:=build}"
program=$SWITCHBACK_BUILD_DIR/tests/smb/rights
ordinary=()

skip ()
{
    echo "1..0 # SKIP $1"
    exit 0
}
if [ "$(id -u)" = 0 ]; then
    ordinary=(setpriv --reuid=nobody --regid=nogroup --clear-groups env HOME=/nonexistent)
    "${ordinary[@]}" true 2>/dev/null || skip "this root cannot become nobody"
    for file in "$program" "$SWITCHBACK_BUILD_DIR/.libs/smb.so" "${SB_SRCDIR:-.}/tests/lib/smbd.py"; do
        "${ordinary[@]}" test -r "$file" || skip "nobody cannot read the build folder"
    done
fi
exec "${ordinary[@]}" "$program"
