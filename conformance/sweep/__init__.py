"""Sweeps: every bit pattern of a dtype, not a sample. README section "Sweeps" shows the verb."""
