"""`python -m tests.soak` kills a whole studio hundreds of times, and checks what became of its work."""
