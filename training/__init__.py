"""How the recogniser of numbers is made: crops of cells drawn and worn, a small network trained on them, calibrated, exported.

Nothing of the program imports this room. See README.md.
"""
