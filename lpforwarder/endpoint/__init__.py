"""④ Endpoint: from the journal to whoever asks over HTTP."""
