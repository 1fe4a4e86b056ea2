"""What is right: clauses, bounds, outcomes, and the verdict on a number."""
