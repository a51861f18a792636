"""Side-by-side measurements against other engines: ``python -m benchmarks`` (see README.md here)."""
