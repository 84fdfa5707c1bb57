"""From a file to what is registered of it.

:func:`register_paths.ingest_paths` takes paths, :mod:`ingest.watching` claimed files; both go through :class:`intake.Intake`::

    walk ──► Found ──► Intake ──► BoundedReader ──► the child: reader_process
                         │                            read_file: content_of (fingerprint), identify, unpack, page_images
                         │  ◄── messages: Looking, Kept + bytes, Document, End
                         ├──► Keeper ──► store
                         └──► Taken ──► Run ──► database

What ends the child is registered with a code and its path (``docs/adr/0020-what-comes-in-is-read-by-a-bounded-child.md``).
"""
