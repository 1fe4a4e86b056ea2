"""A run of pytest: checks are heard, and recorded as they are."""
