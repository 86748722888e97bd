"""Untrusted bytes to plain batches and back; no I/O."""
