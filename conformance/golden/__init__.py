"""Golden cases: files, inputs as written, proofs, and the grid of error curves."""
