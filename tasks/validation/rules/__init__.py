"""The rules that are no sums: functions, each of which names the id of its row in ``codebook/data/rules``.

A function gets its rule's row with the options as a record (:class:`tasks.validation.registry.Bound`) and what its scope looks
at: the facts of a report, a pair of years, an area. It yields findings and changes nothing. Sums need no function: rows of terms
in ``codebook/data/rules/tables.yaml`` are computed by ``tasks.validation.sums``. docs/rules.md shows every rule with an example.

===================  ============================================================================================
``tables``           cells that cannot be, subtotals, tables that are missing or cannot be read
``text``             what the text says beside the tables: numbers, nothing, parts of a total, shares, fees
``completeness``     chapters, one year, a date in time, notices that fit
``between_reports``  two consecutive years of an agency, and a government with the bodies under it; sums between years too
===================  ============================================================================================
"""
