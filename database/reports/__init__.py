"""The results: reports with their blocks, sections, values and findings; what people decided about them; who has reported.

``results`` writes and reads reports, ``corrections`` decisions about single cells, ``coverage`` expected agencies against
reports, ``reviewing`` what waits for a person.
"""
