"""Envelopes around a payload; each is one entry point."""
