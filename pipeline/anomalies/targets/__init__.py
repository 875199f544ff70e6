"""Which parts may be acted on, and which may be exchanged."""
