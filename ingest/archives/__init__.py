"""Archives: members are streams, nothing is unpacked to a path.

``archive`` looks an archive through from end to end, and then yields its members; ``zips``, ``tars`` and ``streams`` know the
formats, ``limits`` how much is too much, ``progress`` shows the process that bounds the time that bytes arrive.
"""
