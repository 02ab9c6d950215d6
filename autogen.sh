#!/bin/sh
# Makes ./configure from configure.ac.  Needed after a clone, not with a release archive.
set -e
cd "$(dirname "$0")"
mkdir -p m4
autoreconf --install --warnings=all,no-obsolete "$@"
