"""What every process needs, whatever its part: settings, logs, the store of originals, failpoints for tests.

``settings`` is the only module that reads the environment. Imports the database (for the defaults of policies) and the codebook;
workers, ingest and the console import it.
"""
