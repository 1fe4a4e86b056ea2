"""The conformance suite for sigmoid cross-entropy (BCE with logits). The engine imports no framework."""

__version__ = "0.1.0"
