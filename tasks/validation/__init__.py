"""Validation: a report as read becomes a verdict, with its states settled and its findings.

In this order (``validate``): people's decisions are put over what was read (``corrections``), the sums of the form settle
doubts (``doubts``), every identity that the report prints is computed (``sums``), and the rules that are no sums run
(``rules``, registered in ``registry`` under the ids of the codebook). What the source printed is never changed; what is wrong
in it is a finding.
"""
