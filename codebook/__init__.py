"""What a report is: forms, indicators, labels, phrases, rules and error codes as data (``data/``), with a small loader for each.

Everything above may import it; it imports nothing of the project. ``records`` holds the frozen records that stages pass on,
``text`` what is known about Chinese text (folding, numbers, dates, templates). A person who knows the domain and no Python should
be able to make the usual changes in ``data/`` alone; every file is checked both ways when it is loaded.
"""
