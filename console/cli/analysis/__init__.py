"""Commands that compute: figures of derived indicators, and roll-ups of regions."""
