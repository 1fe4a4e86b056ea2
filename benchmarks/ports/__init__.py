"""Port recipes: the same loss written for each call, executed in its framework. ``python -m benchmarks.ports``."""
