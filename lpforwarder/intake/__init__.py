"""① Intake: from a vault to events in the journal."""
