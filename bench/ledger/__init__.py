"""`make bench-ledger`: the figures of the ledger beside goals, Redis and PostgreSQL."""
