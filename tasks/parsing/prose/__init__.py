"""Prose: lines that belong to no table, and the numbers that their sentences state.

``lines`` folds each line once and joins those that the margin broke; ``search`` finds the phrases of the codebook in them,
with what their sentence allows; ``statistics`` makes readings of the form of 2014, whose table was often lost; ``statements``
keeps what sentences of later forms say beside the tables, for the rules on contradictions.
"""
