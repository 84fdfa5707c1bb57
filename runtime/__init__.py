"""What every process needs: settings, logs, the store of originals, failpoints for tests, the program of the embedded broker."""
