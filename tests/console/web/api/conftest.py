"""The application of the pages, with a token for each role."""

from tests.console.web.conftest import desk, password_hash

__all__ = ["desk", "password_hash"]
