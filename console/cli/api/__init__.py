"""Commands about the API: the tokens of programs that ask it."""
