"""The four stages that make the built-in model: content encoder, motion prior, emotion embedding, predictor."""
