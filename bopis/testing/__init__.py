"""Shipped for tests, ours and others': a clock to set, and adapters that live in memory."""
