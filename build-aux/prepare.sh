# shellcheck shell=bash
# What quickstart, run-tests and .ci/run share: install what is missing, configure out of tree, build.  Everything here
# does nothing when there is nothing to do.  Sourced from the top folder; BUILD names the build folder, CONFIGURE
# holds further words for ./configure.

umask 022 # the program loads no plugin that others can write
: "${BUILD:=build}"
: "${CONFIGURE:=}"

say ()
{
    printf '== %s\n' "$*"
}

die ()
{
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# tied COMMAND...: runs it in a session of its own, which is killed when this script ends, however that happens.  A
# watcher, in a session of its own too, reads a pipe that only the script itself holds open; what stands beside `tied'
# in a pipeline closes it: {owner}>&-.
# shellcheck disable=SC2016 # the watcher expands them
exec {owner}> >(exec setsid bash -c 'while read -r session; do sessions+=("$session"); done
    for session in "${sessions[@]}"; do pkill -KILL -s "$session"; done' >/dev/null 2>&1)

tied ()
{
    local session

    setsid "$@" </dev/null {owner}>&- &
    session=$!
    echo "$session" >&"$owner"
    [ "$BASHPID" = $$ ] || exec {owner}>&- # in a pipeline this is not the script itself
    wait "$session"
}

# packages_of GROUP...: the names under "# GROUP" in the list.
packages_of ()
{
    awk -v groups=" $* " '/^# / { on = NF == 2 && index (groups, " " $2 " ") } /^[^#]/ && on { print $1 }' \
        build-aux/packages.list
}

missing_packages ()
{
    local package

    for package in $(packages_of "$@"); do
        dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed || echo "$package"
    done
}

as_root ()
{
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo -n "$@"
    fi
}

# install_packages GROUP...
install_packages ()
{
    local missing

    command -v dpkg-query >/dev/null || die "this script installs Debian packages; elsewhere use ./configure and make"
    missing=$(missing_packages "$@" | tr '\n' ' ')
    [ -n "${missing% }" ] || return 0
    say "installing: $missing"
    if [ "$(id -u)" != 0 ] && ! sudo -n true 2>/dev/null; then
        die "packages are missing and neither root nor sudo is at hand; run: apt-get install $missing"
    fi
    as_root apt-get update -q -o Acquire::Retries=3 </dev/null || die "apt-get update failed"
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
        -o Acquire::Retries=3 $missing </dev/null || die "apt-get install failed"
}

configure_tree ()
{
    if [ ! -x configure ] || [ ! -f Makefile.in ]; then
        say "autogen"
        ./autogen.sh >autogen.log 2>&1 || { cat autogen.log >&2; die "autogen.sh failed"; }
        rm -f autogen.log
    fi
    [ ! -f "$BUILD/Makefile" ] || return 0
    say "configure in $BUILD/ $CONFIGURE"
    mkdir -p "$BUILD"
    # shellcheck disable=SC2086
    (cd "$BUILD" && ../configure -q $CONFIGURE) || die "configure failed; see $BUILD/config.log"
}

# build_tree TARGET...
build_tree ()
{
    say "make in $BUILD/"
    tied make -C "$BUILD" -j"$(nproc)" --no-print-directory "$@" </dev/null || die "the build failed"
}
