"""Views of the journal: replayed from it, never stored beside it. Each has ``apply`` and nothing of the shell."""
