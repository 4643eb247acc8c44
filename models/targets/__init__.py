"""What the built-in head should do while an utterance is spoken: phones and emotion to 53 motion parameters."""
