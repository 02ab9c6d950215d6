#!/bin/bash
# Every fuzz target over its corpus and damaged copies of it: no crash, no hang.  Speaks TAP.
set -u
n=0 failed=0
out=$(mktemp)
trap 'rm -f "$out"' EXIT

for folder in "$SB_SRCDIR"/fuzz/corpus/*/; do
    target=$(basename "$folder")
    n=$((n + 1))
    if timeout 300 "$SWITCHBACK_BUILD_DIR/fuzz/$target" "$folder" >"$out" 2>&1; then
        echo "ok $n - $target takes its corpus and damaged copies of it: $(tail -1 "$out")"
    else
        echo "not ok $n - $target takes its corpus and damaged copies of it"
        failed=1
        tail -30 "$out" | sed 's/^/# /'
    fi
done
echo "1..$n"
exit $failed
