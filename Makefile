# `make demo` and `make test` do all their set-up themselves (tools/setup.sh): a new clone needs git,
# make, Python 3.11 or newer and a C compiler. ARGS is handed on: make demo ARGS="--orders 200".
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
ARGS ?=
export PYTHON
PY := .venv/bin/python
WITH_RUST := tools/setup.sh exec

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | column -t -s $$'\t'

.PHONY: setup
setup: ## virtual environment, Python packages, Rust, native module: what is not done yet
	@tools/setup.sh

.PHONY: demo
demo: setup ## replays a day of orders against a server of its own and prints what came of them
	@.venv/bin/bopis demo $(ARGS)

.PHONY: test
test: setup ## all tests, Python and Rust (ARGS goes to pytest)
	@$(MAKE) --no-print-directory --keep-going test-python test-rust

.PHONY: test-python
test-python: setup ## pytest only
	@echo "==> pytest" >&2
	@$(PY) -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal $(ARGS)

.PHONY: soak
soak: setup ## long campaigns: 100,000 random calls, 100 kills under load
	@BOPIS_RANDOM_CALLS=100000 BOPIS_KILL_ROUNDS=100 $(PY) -m pytest \
		tests/e2e/test_random_calls.py tests/e2e/test_kill_loop.py $(ARGS)

SEED ?= 1
OPS ?= 50000000
SECONDS ?= 60

.PHONY: simulate
simulate: setup ## seeded runs of ledger, engine and journal under faults (SEED, OPS; docs/simulation.md)
	@$(WITH_RUST) cargo build --profile simulation --locked --quiet -p bopis-simulator
	@target/simulation/bopis-simulator --seed $(SEED) --ops $(OPS) $(ARGS)

.PHONY: planted-bugs
planted-bugs: setup ## plants one bug at a time; the simulator or a test must catch each
	@$(WITH_RUST) $(PY) tools/planted_bugs.py $(ARGS)

.PHONY: fuzz
fuzz: setup ## bytes and commands that nobody would send, for SECONDS
	@$(WITH_RUST) cargo build --profile simulation --locked --quiet -p bopis-simulator
	@target/simulation/bopis-fuzz --seconds $(SECONDS) $(ARGS)

.PHONY: faults
faults: setup ## kills, power cuts, bad disks and clocks against real processes (ARGS=--quick: a minute)
	@$(PY) -m tests.faults $(ARGS)

.PHONY: test-rust
test-rust: setup ## cargo test only
	@echo "==> cargo test" >&2
# The binding crate has no tests of its own and would link libpython, which a system may lack: it is
# tested through Python.
	@$(WITH_RUST) cargo test --workspace --exclude bopis-allocator --locked --quiet

.PHONY: lint
lint: setup ## formatting, clippy, ruff, mypy, buf, generated code: the whole list even if one fails
	@$(WITH_RUST) tools/lint.sh

.PHONY: format
format: setup ## formats Rust and Python
	@$(WITH_RUST) cargo fmt --all
	@$(PY) -m ruff check --fix --quiet . ; $(PY) -m ruff format .

.PHONY: protos
protos: setup ## writes bopis/v1 and docs/reference from the protos
	@$(PY) tools/gen_protos.py
	@$(PY) tools/gen_api_reference.py

.PHONY: bench
bench: setup ## benchmarks against the committed baseline (bench/PROTOCOL.md)
	@mkdir -p .benchmarks
	@$(PY) -m pytest bench --quiet --benchmark-quiet --benchmark-disable-gc --benchmark-json=.benchmarks/result.json
	@$(PY) -m bench.compare .benchmarks/result.json $(ARGS)

.PHONY: bench-door
bench-door: setup ## Reserve through the door against a grpc.aio servicer, server and load on a core each
	@$(WITH_RUST) cargo build --release --locked --quiet -p bopis-load-generator
	@$(PY) -m bench.reserve_through_door $(ARGS)

.PHONY: bench-beside
bench-beside: setup ## Reserve through the door alone and while a batch of 10,000 orders is solved
	@$(WITH_RUST) cargo build --release --locked --quiet -p bopis-load-generator
	@$(PY) -m bench.reserve_beside_batch $(ARGS)

.PHONY: bench-ledger
bench-ledger: setup ## the ledger's figures beside their goals, Redis and PostgreSQL (ARGS=--quick: CI sizes)
	@$(WITH_RUST) cargo build --release --locked --quiet -p bopis-ledger-bench
	@$(PY) -m bench.ledger.run $(ARGS)

.PHONY: bench-online
bench-online: setup ## days decided order by order, beside hindsight and goals; hours (ARGS=--quick: a minute)
	@$(PY) -m bench.online $(ARGS)

.PHONY: bench-allocation
bench-allocation: setup ## the batch optimizer beside goals, rules and solvers (ARGS=--quick: CI sizes)
	@$(WITH_RUST) $(PY) -m bench.allocation $(ARGS)

.PHONY: lock
lock: setup ## writes requirements/ from pyproject.toml (ARGS=--upgrade: newest versions)
	@tools/lock.sh $(ARGS)

.PHONY: clean
clean: ## removes what was built here: .venv, target, caches
	rm -rf .venv target dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks bopis/_allocator_rs*.so
	find bopis solver tools tests bench -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true
