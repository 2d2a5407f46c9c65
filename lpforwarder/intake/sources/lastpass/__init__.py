"""The LastPass source: records of the Enterprise API's `reporting` command as canonical events."""
