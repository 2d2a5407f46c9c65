"""Payload formats; each is one entry point."""
