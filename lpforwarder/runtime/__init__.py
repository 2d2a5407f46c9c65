"""What any daemon needs; nothing here knows of events."""
