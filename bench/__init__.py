"""Benchmarks: named instances, peers in the same run, one JSON line per figure (PROTOCOL.md)."""
