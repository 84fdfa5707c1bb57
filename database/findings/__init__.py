"""Findings as cases: what became of each of them, whichever run or edition found it.

``matching`` says which finding of a later run is the same case, ``transitions`` which state may follow which, ``following``
keeps the cases in step with what is in force, ``joining`` moves them between filings, ``outcome`` says how a finding that is not
there any more came to its end,
``decisions`` is what people decide, ``listing`` is what they ask.

Findings are rows that come and go with runs, reports and their neighbours. A case stays: it hangs on the filing, the rule and
the cells, and a finding points to it (``gk_finding.case_id``). The cases of a filing follow the findings of the report in
force, in the transaction that changed them::

    new --person--> confirmed --> sent --> answered --> settled
     |                  '-------------------------------^   |
     '--> dismissed     (a later edition mends it: settled) |
    confirmed, dismissed --- other numbers ---> reopened <--- found again

A case that our own reading made disappear is settled too, and says so (``SettledBy.withdrawn``): the agency mended nothing.
"""
