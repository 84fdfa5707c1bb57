"""The data files of the codebook, and the one function that reads them."""

from importlib.resources import files


def read(name: str) -> bytes:
    """The bytes of the data file ``name``. Raises FileNotFoundError when there is none."""
    return files(__name__).joinpath(name).read_bytes()


def names() -> list[str]:
    """The names of all data files, sorted."""
    return sorted(entry.name for entry in files(__name__).iterdir() if entry.name.endswith((".yaml", ".csv")))
