"""The speech corpus of the default model: sentences written for it, spoken by free synthesizers in eight
emotions."""
