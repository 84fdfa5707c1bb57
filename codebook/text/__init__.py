"""Text before it means something: templates of sentences, and patterns that stay fast on any text."""
