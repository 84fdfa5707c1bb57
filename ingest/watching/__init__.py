"""Watched folders: each good file once, whole, and none missed.

A file goes through ``events`` (or a look), ``stability`` (is it whole?), ``inbox`` (claimed by a rename),
``register_claimed``, and back to ``inbox`` (``done`` or ``failed``, with ``failure_notes``). ``watcher`` is the loop,
``heartbeat`` and ``canary`` show that it lives and sees, ``folder_metadata`` is what the place of a file says of it.
"""
