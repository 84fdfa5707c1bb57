"""Readers: one for each kind of block (:class:`codebook.book.BlockKind`), each from a ``TableText`` to a ``BlockRead``.

A reader knows its kind and no block: rows, columns, parts and balance come from the codebook.

======== =============================================================== =========================
kind     printed as                                                      example
======== =============================================================== =========================
items    rows under a header of their own, item by item                  table two, 主动公开
matrix   many rows under one header, in columns that balance             table three, 申请
cross    few rows by few columns, often as one long row                  table four, 复议诉讼
list     a label, a unit and a number on each row                        statistics of 2014 to 2018
======== =============================================================== =========================
"""
