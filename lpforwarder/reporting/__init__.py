"""The forwarder reports on itself: it looks at its state, and writes what changed as events 8xxx."""
