"""The pretend vault and the pretend collector."""
