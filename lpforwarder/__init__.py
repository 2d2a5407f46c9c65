"""lpforwarder: forwards LastPass audit events to SIEMs."""

__version__ = "0.1.0"
