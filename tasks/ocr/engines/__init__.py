"""Engines that read single lines of text: RapidOCR (``recognise``, the default) and Tesseract, behind ``LineReader``.

``choose`` makes the engine that the settings name, and the version under which its readings are kept.
"""
