"""The documentation says what there is: every command with its options, every setting with its default."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from console.cli import all_commands
from console.reference import export_page, settings_page
from runtime.settings import Settings

REPOSITORY = Path(__file__).resolve().parents[2]


def commands() -> dict[str, Any]:
    """All commands with their full names."""
    return all_commands()


def chapters() -> dict[str, str]:
    """The chapters of the commands' documentation by command."""
    text = (REPOSITORY / "docs" / "commands.md").read_text()
    parts = re.split(r"^## (.*)$", text, flags=re.M)[1:]
    return {" ".join(title.split()): body for title, body in zip(parts[::2], parts[1::2], strict=True)}


def test_every_command_is_documented_and_no_other() -> None:
    titles = {re.sub(r" [A-Z.]+$", "", title) for title in chapters()}
    assert titles == set(commands())


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_of_a_command_is_documented(name: str) -> None:
    body = next(body for title, body in chapters().items() if re.sub(r" [A-Z.]+$", "", title) == name)
    named = [option for each in commands()[name].params for option in (*each.opts, *each.secondary_opts)]
    options = {option for option in named if option.startswith("--")} - {"--help"}
    assert {option for option in options if not re.search(rf"{option}(?![\w-])", body)} == set()
    written = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", body))
    assert written <= options


def test_every_command_and_option_has_a_help_text() -> None:
    for name, command in commands().items():
        assert command.help, name
        assert all(getattr(each, "help", None) for each in command.params if each.name != "help"), name


def test_every_setting_is_documented_with_its_default() -> None:
    page = (REPOSITORY / "docs" / "settings.md").read_text()
    assert page == settings_page(), "run: python -m console.reference > docs/settings.md"
    assert all(field.description for field in Settings.model_fields.values())


def test_every_column_of_an_export_is_documented() -> None:
    page = (REPOSITORY / "docs" / "export.md").read_text()
    assert page == export_page(), "run: python -m console.reference export > docs/export.md"
