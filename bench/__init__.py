"""`make bench`: what the engine costs and holds, beside the plain way in the same run. See docs/benchmark.md."""
