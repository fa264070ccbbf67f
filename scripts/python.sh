#!/bin/sh
# Runs a script with the first Python here that the pinned packages support: python.sh SCRIPT …
# $PYTHON, where set, is the only one looked at. Otherwise .venv's own comes first, so that
# another Python on the PATH (conda's, say) does not have .venv made anew.

fits='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))'
seen=

try() {
    python=$1
    shift
    # A name on the PATH may still not run: pyenv's and Windows' stand-ins only print a message.
    if "$python" -c "$fits" >/dev/null 2>&1; then exec "$python" "$@"; fi
    version=$("$python" --version 2>/dev/null)
    case $version in Python*) seen=${seen:-"$python is $version"} ;; esac
}

if [ -n "$PYTHON" ]; then
    try "$PYTHON" "$@"
    seen=${seen:-"$PYTHON cannot be run"}
else
    for name in .venv/bin/python .venv/Scripts/python.exe \
        python3 python3.13 python3.12 python3.11 python3.14 python; do
        try "$name" "$@"
    done
    seen=${seen:-"there is none here"}
fi
echo "Whisper AI Lab needs Python 3.11 to 3.14, but $seen." \
    "Get one from https://www.python.org/downloads/, or name one: make … PYTHON=/path/to/python" >&2
exit 1
