#!/usr/bin/env bash
# The program's words: help, usage errors, exit codes, what it prints where.
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

ok "--version tells the version" says "switchback 0." "$switchback" --version
ok "--help lists the commands" says "workflow lint" "$switchback" --help
ok "no command is a usage error" ends 2 "$switchback"
ok "an unknown command is a usage error" ends 2 "$switchback" chek
ok "an unknown command names the nearest one" says "switchback check" "$switchback" chek
ok "an unknown option is a usage error" ends 2 "$switchback" check --frobnicate
ok "an option without its value is a usage error" says "needs FILE" "$switchback" check -t
ok "a missing operand is a usage error" ends 2 "$switchback" plan
ok "a family of commands lists its members" says "workflow show" "$switchback" workflow
ok "a topology that is not there is a configuration error" ends 3 "$switchback" check -t "$dir/none.ini"
ok "it says which file and what came back" says "$dir/none.ini" "$switchback" check -t "$dir/none.ini"

every_command_has_help ()
{
    local command

    "$switchback" --help | awk '/^Commands:/ { on = 1; next } /^$/ { on = 0 } on { print substr ($0, 3, 18) }' >"$dir/commands"
    [ "$(wc -l <"$dir/commands")" -ge 15 ] || return 1
    while read -r command; do
        # shellcheck disable=SC2086
        "$switchback" $command --help | grep -q "^Usage: switchback $command" || { echo "no help: $command"; return 1; }
    done <"$dir/commands"
}
ok "every command has a help of its own" every_command_has_help

options_stand_anywhere ()
{
    topology anywhere
    "$switchback" --json -t "$dir/anywhere/topology.ini" workflow list | grep -q '"workflow": "failover"' &&
        "$switchback" workflow --json list -t "$dir/anywhere/topology.ini" | grep -q '"workflow": "failover"'
}
ok "options may stand before, between and after words" options_stand_anywhere

ok "an option that is a flag of one command and takes a time of another may stand before the word: the flag" \
    says "no workflow 'none'" "$switchback" --wait run none -t "$dir/anywhere/topology.ini"
ok "and the time" says "'--wait x' is not a time" "$switchback" --wait x check -t "$dir/anywhere/topology.ini"

results_and_log_do_not_mix ()
{
    "$switchback" check -t "$dir/none.ini" >"$dir/stdout" 2>"$dir/stderr"
    [ ! -s "$dir/stdout" ] && [ -s "$dir/stderr" ]
}
ok "errors go to standard error alone" results_and_log_do_not_mix

full_stdout () { ends 1 "$switchback" plugin list --contracts >/dev/full; }
ok "output that cannot be written is not called success" full_stdout

ok "the packaged workflows have nothing to complain about" ends 0 "$switchback" workflow lint failover failback switchover mirror-failover steady observe establish teardown restore-drill
ok "the contracts are printed" says "database.recover" "$switchback" plugin list --contracts
done_testing
