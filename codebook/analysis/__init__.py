"""What people compute from the numbers of many reports: derived indicators, their figures over units, roll-ups, repeated text.

Everything here is a pure function of frozen records. :mod:`database.analysis` brings the records from the database.
"""
