"""Hostile input for the readers of result files, ledgers and cases. ``python -m fuzz.readers`` runs it."""
