"""`make bench` measures the engine, and a plain implementation for comparison. See docs/benchmark.md."""
