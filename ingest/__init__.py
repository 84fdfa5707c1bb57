"""Files come in: from the paths of a command or from watched folders, each to a document in the books.

==============  =======================================================================================
``watching``    folders that are watched: when a file is whole, who claims it, where it lies afterwards
``collecting``  reports are fetched from portals, one host at a time
``files``       from a file to what is registered of it, read by a child process that is bounded
``archives``    zip, tar and compressed streams, looked through before anything in them is believed
``webpages``    pages of portals: their addresses and links
``lists``       manifests, and lists of agencies that must report, from CSV files
``names``       names of files: as text, in order, and those that are passed over
==============  =======================================================================================

Imports go down this table only. What a file holds is hostile until it was read: only ``files.reader_process``, and what it
imports, looks into one.
"""
