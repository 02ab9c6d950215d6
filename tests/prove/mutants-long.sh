#!/usr/bin/env bash
# tests/prove/mutants.sh over all workflows that have reasons.  Speaks TAP.
SB_LONG_MUTANTS=yes exec "$(dirname "$0")/mutants.sh"
