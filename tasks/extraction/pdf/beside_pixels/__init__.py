"""What the text of a PDF page says beside what its pixels show: numbers of a text that lies, characters that are not mapped."""
