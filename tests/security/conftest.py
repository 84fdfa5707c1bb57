"""The application of the pages, as in the tests of the pages themselves."""

from tests.console.web.conftest import desk, password_hash

__all__ = ["desk", "password_hash"]
