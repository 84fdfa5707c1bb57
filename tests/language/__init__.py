"""The words of the program: every text that people read has its Chinese, and says things as the glossary does."""
