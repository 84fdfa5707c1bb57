"""What pages show, as records and texts for templates: a case with its choices, the queue of a review, a report in its forms, the
original with the places of its values, and the filters of all templates. Nothing here reads a request or writes to the database.
"""
