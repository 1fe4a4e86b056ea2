"""The conformance tests that pytest runs: one module a chapter, one function a clause.

Each module has a table CHECKS (clause id to function) and one test that runs the clauses of a case that
the table has. A check takes an Examination and returns an Outcome; what it raises becomes Errored.
"""
