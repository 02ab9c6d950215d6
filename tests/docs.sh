#!/usr/bin/env bash
# What is written is so: commands in the README exist with the options it shows, manual pages are whole, every command has
# one, what a plugin's page says is what its tables say, the lab's page names every word.  Speaks TAP.
# shellcheck disable=SC2016,SC2086 # backquotes of Markdown; numbers
. "${SB_SRCDIR:-.}/tests/cli/lib.sh"

# Lines in code blocks of a page of Markdown that begin with "switchback", without remarks.
command_lines ()
{
    sed -n '/^```/,/^```/p' "$@" | sed -n 's/ *#.*//; s/^switchback /&/p'
}

# The command of such a line exists, and its help knows every option of the line.
known ()
{
    local words=("$@") command=() help word

    case ${words[0]} in
    plugin | workflow | journal | notify) command=("${words[@]:0:2}") ;;
    lab) command=(lab) ;;
    *) command=("${words[0]}") ;;
    esac
    help=$("$switchback" "${command[@]}" --help 2>&1) || { echo "$help"; return 1; }
    for word in "${words[@]:1}"; do
        [[ $word != -* ]] || grep -qE -- "(^|[[:space:]\[])$word\b" <<<"$help" || { echo "$word is not in: $help"; return 1; }
    done
    [ "${words[0]}" != lab ] || grep -qE "^ +${words[1]} " <<<"$help"
}

while read -r line; do
    read -ra words <<<"$line"
    ok "there is: $line" known "${words[@]:1}"
done < <(command_lines "$SB_SRCDIR/README.md" "$SB_SRCDIR/examples/README.md" | sort -u)

pages=("$SB_SRCDIR"/man/*.[1-8] "$SB_SRCDIR"/plugins/*/*.7)
[ "$SWITCHBACK_BUILD_DIR/man" -ef "$SB_SRCDIR/man" ] || pages+=("$SWITCHBACK_BUILD_DIR"/man/*.[1-8])
if command -v mandoc >/dev/null; then
    whole () { mandoc -T lint -W warning "${pages[@]}"; }
    ok "mandoc has no warning about ${#pages[@]} pages" whole
fi

commands ()
{
    "$switchback" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\( [a-z]\+\)\?\)  .*/\1/p'
}
every_command_has_a_page ()
{
    local command missing=0

    [ "$(commands | wc -l)" -ge 12 ] || return 1
    while read -r command; do
        [ -e "$SWITCHBACK_BUILD_DIR/man/switchback-${command// /-}.1" ] || [ -e "$SB_SRCDIR/man/switchback-${command// /-}.1" ] \
            || { echo "no page: $command"; missing=1; }
    done < <(commands; echo lab)
    return $missing
}
ok "every command has a page" every_command_has_a_page

# page_says FILE WORD: the word stands in the page, without its escapes.
page_says ()
{
    sed 's/\\-/-/g; s/\\f.//g; s/\\&//g' "$1" | grep -qF -- "$2" || { echo "$1 does not say '$2'"; return 1; }
}

# The actions of a role stand in switchback-roles(7), which the program writes itself.
settings ()
{
    "$switchback" plugin show "$1" --json >"$dir/plugin.json" && /usr/bin/python3 -c '
import json, sys
for s in json.load (open (sys.argv[1]))["settings"]:
    print (s["name"])' "$dir/plugin.json"
}
page_is_right ()
{
    local word wrong=0

    settings "$1" >"$dir/words" || return 1
    while read -r word; do
        page_says "$SB_SRCDIR/plugins/$1/switchback-$1.7" "$word" || wrong=1
    done <"$dir/words"
    return $wrong
}
for folder in "$SB_SRCDIR"/plugins/*/; do
    name=$(basename "$folder")
    [ "$name" = lib ] || ok "switchback-$name(7) names every setting of the plugin" page_is_right "$name"
done

lab_page ()
{
    local word wrong=0

    for word in $("$switchback" lab --help 2>&1 | sed -n 's/^  \([a-z]\+\) .*/\1/p'); do
        page_says "$SB_SRCDIR/man/switchback-lab.1" "switchback lab $word" || wrong=1
    done
    for word in $("$switchback" lab fault --dir "$dir" 2>&1 | sed -n 's/^  \([a-z-]\+\) .*/\1/p; s/^  \([a-z-]\+\)$/\1/p' | sort -u); do
        page_says "$SB_SRCDIR/man/switchback-lab.1" "$word" || wrong=1
    done
    return $wrong
}
ok "switchback-lab(1) names every command and every fault of the lab" lab_page
done_testing
