"""Sendook Lite: e-mail in, signed and retried webhooks out, one process, one file."""

__version__ = "0.1.0"
