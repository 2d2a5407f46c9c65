"""From YAML text to settings, or every problem at once."""
