"""What is kept of a run, and what was known before it: records, ledgers, hashes of sources."""
