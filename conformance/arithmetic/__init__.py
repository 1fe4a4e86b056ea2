"""Numbers: dtypes, exact reals, ball arithmetic and its proofs, ULPs."""
