#!/usr/bin/env bash
# Makes a clone ready to run: .venv, the hashed Python packages, Rust, the native module.
#
#   tools/setup.sh              does what is not done yet; a second call takes about a second
#   tools/setup.sh exec CMD...  runs CMD with cargo on PATH and the build's settings
#
# Needs bash, Python 3.11 or newer with venv, and a C compiler. Rust is fetched if there is none.
# PYTHON=/path/to/python picks the interpreter of a new .venv.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly VENV="$PWD/.venv"
readonly STAMPS="$VENV/.stamps"
readonly RUST_MINIMUM="1.88"
# What is fetched where there is none: a release that lint is known to be clean with.
readonly RUST_FETCHED="1.95.0"

say() { printf '==> %s\n' "$*" >&2; }
fail() {
    printf '\nbopis cannot be set up: %s\n' "$1" >&2
    shift
    if (($#)); then printf '    %s\n' "$@" >&2; fi
    exit 1
}

# --- Python -------------------------------------------------------------------------------------

is_new_python() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python; do
        if is_new_python "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail "no Python 3.11 or newer was found." \
        "Debian, Ubuntu: apt-get install python3 python3-venv   (Ubuntu 22.04: python3.11 python3.11-venv)" \
        "Fedora: dnf install python3" \
        "One that is not on PATH: make PYTHON=/path/to/python3.12 ..."
}

# A .venv that was moved here with the folder, or whose interpreter is gone, is made anew.
venv_works() {
    [ -x "$VENV/bin/python" ] && "$VENV/bin/python" - "$VENV" 2>/dev/null <<'PYTHON'
import os
import sys

import pip

sys.exit(sys.version_info < (3, 11) or os.path.realpath(sys.prefix) != os.path.realpath(sys.argv[1]))
PYTHON
}

make_venv() {
    if venv_works; then return; fi
    local python version
    python="$(find_python)"
    version="$("$python" -c 'import sys; print(f"{sys.version_info[0]}.{sys.version_info[1]}")')"
    if ! "$python" -c 'import venv, ensurepip' >/dev/null 2>&1; then
        fail "$python (Python $version) comes without venv." \
            "Debian, Ubuntu: apt-get install python3-venv   (or python$version-venv)"
    fi
    say "virtual environment: .venv, Python $version ($python)"
    rm -rf "$VENV"
    "$python" -m venv "$VENV" || fail "$python -m venv .venv failed." \
        "Debian, Ubuntu: apt-get install python3-venv   (or python$version-venv)"
}

install_hashed() {
    "$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --progress-bar off \
        --require-hashes --requirement "$1"
}

install_packages() {
    local want
    want="$(sha256sum <requirements/dev.txt) $("$VENV/bin/python" -V)"
    if [ "$(cat "$STAMPS/packages" 2>/dev/null)" = "$want" ]; then return; fi
    say "Python packages: $(grep -c '==' requirements/dev.txt), pinned and hashed (requirements/dev.txt)"
    install_hashed requirements/dev.txt || fail "the Python packages could not be installed (see above)." \
        "If the package index cannot be reached: set PIP_INDEX_URL to a mirror, or PIP_FIND_LINKS to a folder of wheels."
    mkdir -p "$STAMPS"
    printf '%s' "$want" >"$STAMPS/packages"
}

# --- Rust and C ---------------------------------------------------------------------------------

check_c_compiler() {
    local candidate
    for candidate in ${CC:+"$CC"} cc gcc clang; do
        if command -v "$candidate" >/dev/null 2>&1; then return; fi
    done
    fail "no C compiler was found; Rust links with it." \
        "Debian, Ubuntu: apt-get install build-essential" \
        "Fedora: dnf install gcc"
}

# Is there a cargo in folder $1 that is new enough?
is_new_cargo() {
    local version
    [ -x "$1/cargo" ] || return 1
    version="$(PATH="$1:$PATH" "$1/cargo" --version 2>/dev/null | cut -d' ' -f2)"
    [ -n "$version" ] && [ "$(printf '%s\n%s\n' "$RUST_MINIMUM" "$version" | sort -V | head -n1)" = "$RUST_MINIMUM" ]
}

fetched_rust() {
    "$VENV/bin/python" -c 'import os, pathlib
base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
print(pathlib.Path(base) / "bopis-rust")'
}

use_fetched_rust() {
    local home
    home="$(fetched_rust)"
    is_new_cargo_in_home "$home" || return 1
    export RUSTUP_HOME="$home/rustup" CARGO_HOME="$home/cargo" PATH="$home/cargo/bin:$PATH"
}

is_new_cargo_in_home() {
    RUSTUP_HOME="$1/rustup" CARGO_HOME="$1/cargo" is_new_cargo "$1/cargo/bin"
}

# Puts a cargo on PATH: the one there, else one at home, else one that was fetched before, else fetch.
use_rust() {
    local on_path folder
    on_path="$(command -v cargo 2>/dev/null || true)"
    for folder in ${on_path:+"$(dirname "$on_path")"} ${CARGO_HOME:+"$CARGO_HOME/bin"} "${HOME:-/}/.cargo/bin"; do
        if is_new_cargo "$folder"; then
            export PATH="$folder:$PATH"
            return
        fi
    done
    if use_fetched_rust; then return; fi
    fetch_rust "$(fetched_rust)"
    use_fetched_rust || fail "Rust was fetched but its cargo does not start ($(fetched_rust))."
}

# Rust into folder $1, by rustup, which puccinialin fetches. rustup installs the default that it
# finds in its settings, so the release is named there before it runs.
fetch_rust() {
    say "Rust $RUST_MINIMUM or newer: not found; fetching $RUST_FETCHED with rustup, for bopis only"
    say "    (about 200 MB, into $1; your own Rust and PATH stay as they are)"
    install_hashed requirements/rust.txt || fail "the package puccinialin, which fetches Rust, could not be installed."
    local unreachable=(
        "Rust could not be downloaded (see above)."
        "Install Rust $RUST_MINIMUM or newer yourself (https://rustup.rs, or your system's rustup) and run this again;"
        "behind a mirror, set RUSTUP_DIST_SERVER and RUSTUP_UPDATE_ROOT."
    )
    mkdir -p "$1/rustup"
    printf 'version = "12"\ndefault_toolchain = "%s"\n' "$RUST_FETCHED" >"$1/rustup/settings.toml"
    "$VENV/bin/python" -m puccinialin --location "$1" >/dev/null 2>"$1/rustup-init.log" || {
        cat "$1/rustup-init.log" >&2
        fail "${unreachable[@]}"
    }
    RUSTUP_HOME="$1/rustup" CARGO_HOME="$1/cargo" "$1/cargo/bin/rustup" toolchain install "$RUST_FETCHED" \
        --profile minimal --component clippy --component rustfmt --no-self-update || fail "${unreachable[@]}"
}

build_settings() {
    # The interpreter whose ABI the binding is built for; never one that happens to be on PATH.
    export PYO3_PYTHON="$VENV/bin/python"
    export VIRTUAL_ENV="$VENV"
}

# --- The native module --------------------------------------------------------------------------

# What the native module is built from.
sources_fingerprint() {
    {
        find allocator_rs protos -type f \( -name '*.rs' -o -name '*.toml' -o -name '*.proto' \) -print0 |
            LC_ALL=C sort -z | xargs -0 sha256sum
        sha256sum Cargo.toml Cargo.lock pyproject.toml
        "$VENV/bin/python" -V
    } | sha256sum
}

# What it became: so that a build by hand (maturin develop) is noticed.
module_fingerprint() { cat bopis/_allocator_rs*.so 2>/dev/null | sha256sum; }

build_native() {
    local sources seconds=$SECONDS
    sources="$(sources_fingerprint)"
    if [ -x "$VENV/bin/bopis" ] &&
        [ "$(cat "$STAMPS/native" 2>/dev/null)" = "$sources $(module_fingerprint)" ]; then
        return
    fi
    check_c_compiler
    use_rust
    build_settings
    say "native module: cargo $(cargo --version | cut -d' ' -f2), release build (the first takes some minutes)"
    PIP_QUIET=1 "$VENV/bin/maturin" develop --release --locked --quiet >/dev/null ||
        fail "the native module could not be built (see above)."
    mkdir -p "$STAMPS"
    printf '%s' "$sources $(module_fingerprint)" >"$STAMPS/native"
    say "native module: built in $((SECONDS - seconds)) s"
}

# --- What to do ---------------------------------------------------------------------------------

[ "$(uname -s)" = Linux ] || fail "it runs on Linux only (eventfd, flush by O_DSYNC); a container will do."
make_venv
install_packages
if [ "${1:-}" = exec ]; then
    shift
    check_c_compiler
    use_rust
    build_settings
    exec "$@"
fi
build_native
