# Sourced by the other scripts: makes the virtual environment and installs what a task needs.
# shellcheck shell=bash

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
VENV="${BONGSU_VENV:-$ROOT/.venv}"

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "error: $*"
    exit 1
}

# need_debian COMMAND PACKAGE...: install Debian packages where a command is missing; says what to do when it may not.
need_debian() {
    local command="$1"
    shift
    command -v "$command" >/dev/null 2>&1 && return 0
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
        say "missing: $command. Install it first: sudo apt-get install $*"
        return 1
    fi
    say "installing Debian packages: $*"
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null 2>&1 ||
        { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >/dev/null; }
}

find_python() {
    local candidate
    for candidate in "${BONGSU_PYTHON:-}" python3.13 python3.12 python3.11 python3; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
            printf '%s' "$candidate"
            return 0
        fi
    done
    fail "Python 3.11, 3.12 or 3.13 is needed and was not found; install it, or set BONGSU_PYTHON to its path"
}

# make_env EXTRA: an environment with the package and one extra ("" for none); does nothing while pyproject.toml is unchanged.
make_env() {
    local extra="$1" python stamp state
    stamp="$VENV/.installed-${extra:-base}"
    state="$(sha256sum "$ROOT/pyproject.toml" | cut -d' ' -f1) $ROOT"
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ] && return 0
    if [ ! -x "$VENV/bin/python" ]; then
        python="$(find_python)"
        say "making the environment in $VENV"
        if ! "$python" -m venv "$VENV" 2>/dev/null; then
            rm -rf "$VENV"
            # Debian keeps the venv module's pip in a package of its own.
            need_debian "(python3 -m venv)" python3-venv || fail "Python's venv module is missing"
            "$python" -m venv "$VENV" || fail "could not make a virtual environment in $VENV"
        fi
    fi
    say "installing bongsu${extra:+ with its $extra tools} (once; takes a minute)"
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --editable "$ROOT${extra:+[$extra]}" ||
        fail "pip could not install the package; see its message above"
    printf '%s' "$state" >"$stamp"
}
