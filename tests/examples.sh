#!/usr/bin/env bash
# The examples: topologies that plan, a changed workflow that is the packaged one but for what it says it adds, and that
# workflow carried out in a lab with the site's own plugin in place of notify.  Speaks TAP.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"
examples=$SB_SRCDIR/examples
trap '"$switchback" lab down --dir "$dir/lab" >/dev/null 2>&1; kill $(jobs -p) 2>/dev/null; rm -rf "$dir"' EXIT

plans ()
{
    ends 0 "$switchback" plan "$1" -t "$2" --state "$dir/plans"
}
# A build without the plugin smb cannot plan for its shares.
smb=no
[ -e "${SWITCHBACK_BUILD_DIR:-build}/smb.manifest" ] && smb=yes
for topology in "$examples"/*.ini; do
    [ $smb = yes ] || ! grep -q '^plugin = smb' "$topology" || continue
    for workflow in failover failback; do
        ok "$workflow can be planned for $(basename "$topology")" plans "$workflow" "$topology"
    done
done

# In a lab whose shares stand behind a real file server: tickets are then the lab's affair, the rest is as it is written.
behind_smbd ()
{
    "$switchback" lab up --smb --dir "$dir/lab" -t "$examples/file-servers.ini" || return 1
    [ "$(grep -c '^path = smb://127.0.0.1:' "$dir/lab/topology.ini")" = 4 ] || return 1
    ASAN_OPTIONS=detect_leaks=0 timeout 100 "$switchback" check --wait 60s -t "$dir/lab/topology.ini" --state "$dir/files" || return 1
    "$switchback" lab down --dir "$dir/lab" && rm -rf "$dir/lab"
}
[ $smb = no ] || [ -z "$(PATH=$PATH:/usr/sbin type -P smbd)" ] || ok "the shares of file-servers.ini are steady behind a real file server" behind_smbd

named_in_readme ()
{
    local file

    for file in "$examples"/*.ini "$examples"/workflows/*.ini; do
        grep -qF "\`${file#"$examples"/}\`" "$examples/README.md" || { echo "$file is not in README.md"; return 1; }
    done
}
ok "README.md names every example" named_in_readme

# Without what stands between "added" and "end", and with the changed line as it was, nothing is left but the packaged one.
only_added ()
{
    sed -e '/^; added$/,/^; end$/d' -e '/^; changed$/{N;s/.*\n\(after = isolate\), agreed/\1/}' \
        -e 's/^\[workflow failover-announced\]/[workflow failover]/' "$examples/workflows/failover-announced.ini" \
        | sed -n '/^\[workflow/,$p' | grep -v '^$' >"$dir/ours"
    sed -n '/^\[workflow/,$p' "$SB_SRCDIR/workflows/failover.ini" | grep -v '^$' | diff - "$dir/ours"
}
ok "the changed workflow is the packaged failover but for what it adds" only_added
ok "it has no mistakes" ends 0 "$switchback" workflow lint failover-announced --workflows "$examples/workflows"

build_plugin ()
{
    mkdir "$dir/plug"
    ${CC:-cc} -std=c11 -D_GNU_SOURCE -I"$SB_SRCDIR/include" -fPIC -fvisibility=hidden -shared -Wl,-z,defs -Wl,-z,now \
        -Wl,--build-id -o "$dir/plug/journal.so" "$examples/site-plugin/journal.c"
}
ok "the site's plugin is built" build_plugin

in_a_lab ()
{
    "$switchback" lab up --dir "$dir/lab" -t "$examples/small-pool.ini" || return 1
    printf '[channel log-book]\nplugin = journal\nfile = %s/log-book.txt\nevents = run\n' "$dir" >>"$dir/lab/topology.ini"
    "$switchback" lab fault --dir "$dir/lab" power-off site harbour
    announced run failover-announced --approve all
}
announced ()
{
    timeout 100 "$switchback" "$@" -t "$dir/lab/topology.ini" --state "$dir/state" --plugins "$dir/plug" \
        --workflows "$examples/workflows"
}
ok "the changed workflow, with the site's plugin in place of notify, fails a pool over in a lab" in_a_lab
ok "the person in charge was asked" says "See that the person in charge agrees" announced report
ok "the log book was told by the step" says "pool talk serves from hill" cat "$dir/log-book.txt"
ok "and by the run, as a channel" says "switchback: failover-announced of talk: begins" cat "$dir/log-book.txt"
done_testing
