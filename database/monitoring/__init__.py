"""The queries of people and of monitoring: ``queries`` and ``listings`` for the command line and the pages, with their records in
``read_models``; ``measures`` for metrics, healthchecks and the supervisor.
"""
