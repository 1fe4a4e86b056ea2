"""Everything that a GPU can tell, by one command: ``python -m benchmarks.gpu --out DIR``."""
