"""What the command line does besides a run: a function a verb."""
