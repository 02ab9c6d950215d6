#!/usr/bin/env bash
# What ./quickstart shows once the program is built: `quickstart-story.sh BUILD-FOLDER'.
set -euo pipefail
build=$1

"$build/switchback" --version
