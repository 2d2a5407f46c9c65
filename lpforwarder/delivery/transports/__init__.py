"""Links to collectors; each is one entry point."""
