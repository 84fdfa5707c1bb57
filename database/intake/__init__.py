"""What comes in: arrivals become documents, sources and first stages, once for each content.

``registering`` decides by the sha256 of the content whether an arrival is a new document or a further source of a known one;
``readmission`` starts documents again that were refused at registration and can be taken now; ``inboxes`` keeps the state of
watched folders. Every function takes a connection inside a transaction.
"""

from database.intake.registering import is_known, register, to_notify

__all__ = ["is_known", "register", "to_notify"]
