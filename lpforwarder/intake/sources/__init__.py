"""The sources that come with lpforwarder; each is one entry point."""
