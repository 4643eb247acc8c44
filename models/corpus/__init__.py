"""The speech that the default model learns from: sentences of our own, spoken by free synthesizers in eight emotions."""
