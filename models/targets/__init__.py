"""Targets: phones and emotion of an utterance to the 53 motion parameters of the built-in head."""
