"""`python -m tests.soak`: a whole studio that is killed hundreds of times, and what has become of its work."""
