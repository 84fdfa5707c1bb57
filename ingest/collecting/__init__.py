"""Reports are fetched from portals: one host at a time, politely, and never from the inner network.

::

    list ──► addresses in the database ──► turn: a host and one of its addresses ──► fetch ──► WARC
                     ▲                                                                 │
                     │  links of a list, files of a report, redirects                  ▼
                     '──────────────────────────────────────────────────── register, as any file that comes in

================  =======================================================================================
``collector``     the process: takes turns, several hosts at the same time
``take``          one turn, from the robots.txt to the transaction that ends it
``fetching``      one request, bounded in time and size
``guard``         to which addresses a connection may go
``robots``        what a host allows
``warc``          what was asked and answered, as it is kept
``address_list``  lists of addresses that people hand in
================  =======================================================================================

What is to be fetched, and what was tried, is in the database (:mod:`database.collecting`); the answer of a host is kept before
anything is made of it. So a collector that is killed loses nothing, and what it had received is not asked for again.
"""
