#!/usr/bin/env bash
# Writes requirements/: every package that `make` installs, pinned and hashed, without the address of
# any index. Run it (make lock) after a change of the dependencies in pyproject.toml and read the
# diff; pins that still fit are kept, `make lock ARGS=--upgrade` takes the newest.
#   dev.txt      what `bopis` needs to run, and the extra "dev"
#   runtime.txt  the first alone, same pins
#   rust.txt     what fetches Rust where there is none (tools/setup.sh); installed only then
set -euo pipefail
cd "$(dirname "$0")/.."

.venv/bin/python -m pip install --quiet 'pip-tools>=7.6,<8'
compile() {
    CUSTOM_COMPILE_COMMAND="make lock" .venv/bin/python -m piptools compile --quiet \
        --generate-hashes --strip-extras --allow-unsafe --annotation-style=line \
        --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options "$@"
}
compile "$@" --extra dev --output-file requirements/dev.txt pyproject.toml
compile --constraint requirements/dev.txt --output-file requirements/runtime.txt pyproject.toml
# The constraint is named as a source of every package; that says nothing.
sed -i -e 's/# via -c requirements\/dev.txt, /# via /' -e '/# via -c requirements\/dev.txt$/d' \
    requirements/runtime.txt
echo 'puccinialin>=0.1.14,<0.2' | compile "$@" --output-file requirements/rust.txt -
