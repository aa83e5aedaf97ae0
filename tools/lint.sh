#!/usr/bin/env bash
# Every check of form, one after the other; says at the end which failed. `make lint` runs it with
# cargo on PATH. Reads only; `make format` and `make protos` mend what can be mended by a program.
set -uo pipefail
cd "$(dirname "$0")/.."

failed=()
check() {
    local name="$1" output
    shift
    if output="$("$@" 2>&1)"; then
        printf 'ok      %s\n' "$name"
    else
        printf 'FAILED  %s\n%s\n' "$name" "$output"
        failed+=("$name")
    fi
}

# A cargo without these components came from a minimal installation; rustup can add them.
for component in fmt:rustfmt clippy:clippy; do
    cargo "${component%%:*}" --version >/dev/null 2>&1 || rustup component add "${component##*:}"
done

check "rustfmt" cargo fmt --all --check
# Deprecations come with the age of the toolchain, not with a change: they only warn.
check "clippy" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings -A deprecated
check "ruff check" .venv/bin/ruff check --quiet .
check "ruff format" .venv/bin/ruff format --quiet --check .
check "mypy --strict" .venv/bin/mypy
check "buf lint" .venv/bin/buf lint
check "generated code is what the protos give" .venv/bin/python tools/gen_protos.py --check
check "API reference is what the protos give" .venv/bin/python tools/gen_api_reference.py --check

if ((${#failed[@]})); then
    printf '\n%d checks failed: %s\n' "${#failed[@]}" "$(IFS=,; echo "${failed[*]}")"
    exit 1
fi
