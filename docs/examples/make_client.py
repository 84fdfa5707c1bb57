"""Writes a client with a typed method for each resource, from the description that the API gives of itself.

``python docs/examples/make_client.py openapi.json > gongkai_api.py``. What it writes needs Python and ``client.py`` beside it.
"""

from __future__ import annotations

import json
import keyword
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_TYPES = {"integer": "int", "number": "float", "string": "str", "boolean": "bool", "null": "None", "object": "dict[str, Any]"}
_ROOT = "/api/v1/"


def identifier(name: str) -> str:
    """Return a name that Python takes."""
    found = re.sub(r"\W", "_", name)
    return f"{found}_" if keyword.iskeyword(found) else found


def type_of(schema: dict[str, Any]) -> str:
    """Return the annotation of a schema."""
    if "$ref" in schema:
        return identifier(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(type_of(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return f"Literal[{', '.join(map(repr, schema['enum']))}]"
    if schema.get("type") == "array":
        return f"list[{type_of(schema['items']) if isinstance(schema.get('items'), dict) else 'Any'}]"
    return _TYPES.get(schema.get("type", ""), "Any")


def records(schemas: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield the types of the answers: dictionaries with these keys, or values out of a list."""
    for name, schema in schemas.items():
        if "properties" in schema:
            fields = ", ".join(f'"{key}": "{type_of(kind)}"' for key, kind in schema["properties"].items())
            yield f'{identifier(name)} = TypedDict("{identifier(name)}", {{{fields}}})\n'
        else:
            yield f"{identifier(name)} = {type_of(schema)}\n"


def method(path: str, operation: dict[str, Any]) -> str:
    """Return the method of a resource: what it asks by name, and what it returns."""
    given = sorted(operation["parameters"], key=lambda each: not each["required"])
    named = [(each["name"], identifier(each["name"]), type_of(each["schema"]), each["required"]) for each in given]
    taken = ", ".join(
        f"{python}: {kind}" if required else f"{python}: {kind} | None = None" for _, python, kind, required in named
    )
    in_path = {each["name"] for each in given if each["in"] == "path"}
    sent = "".join(f", {name}={python}" for name, python, _, _ in named if name not in in_path)
    answer = type_of(operation["responses"]["200"]["content"]["application/json"]["schema"])
    head = f"    def {identifier(operation['operationId'])}(self{', *, ' if taken else ''}{taken}) -> {answer}:\n"
    return f'{head}        """{operation["summary"]}"""\n        return self.get(f"{path.removeprefix(_ROOT)}"{sent})\n'


def module(description: dict[str, Any]) -> str:
    """Return the text of the client."""
    version = description["info"]["version"]
    head = f'"""The API of Gongkai {version}: written by make_client.py."""\n\nfrom __future__ import annotations\n\n'
    imports = "from typing import Any, Literal, TypedDict\n\nfrom client import Client\n\n"
    methods = [method(path, each["get"]) for path, each in description["paths"].items() if not path.endswith(".json")]
    types = "".join(records(description["components"]["schemas"]))
    return f'{head}{imports}{types}\n\nclass Api(Client):\n    """A method for each resource."""\n\n' + "\n".join(methods)


if __name__ == "__main__":
    sys.stdout.write(module(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))))
