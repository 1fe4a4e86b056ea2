"""Measurements, run by hand or by `tox -e benchmark`: figures, not tests."""
