"""Measurements: `scripts/bench NAME`, or `pytest benchmarks`."""
