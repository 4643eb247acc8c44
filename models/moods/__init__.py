"""The moods of the built-in model under their names, and what they do to neutral speech."""
