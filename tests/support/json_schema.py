"""A validator for the part of JSON Schema that the API's document uses."""

from __future__ import annotations

from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_KNOWN = frozenset(
    [
        "type",
        "const",
        "enum",
        "oneOf",
        "properties",
        "required",
        "additionalProperties",
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "minimum",
        "description",
        "examples",
    ]
)


def faults(schema: dict[str, Any], value: Any, place: str = "$") -> list[str]:  # any JSON
    """Return where a value is not what the schema says; an unknown keyword is a fault of the schema."""
    found = [f"{place}: unknown keyword {word}" for word in schema.keys() - _KNOWN]
    if "oneOf" in schema:
        fitting = sum(not faults(option, value, place) for option in schema["oneOf"])
        found += [] if fitting == 1 else [f"{place}: fits {fitting} of the options"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{place}: is {value!r}, not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{place}: {value!r} is not one of {schema['enum']}")
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(_is(value, name) for name in types):
        return [*found, f"{place}: {value!r} is no {types}"]
    if "minimum" in schema and isinstance(value, int | float) and value < schema["minimum"]:
        found.append(f"{place}: {value} is below {schema['minimum']}")
    if isinstance(value, list):
        found += _list_faults(schema, value, place)
    if isinstance(value, dict):
        found += _object_faults(schema, value, place)
    return found


def _is(value: Any, name: str) -> bool:  # any JSON
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _list_faults(schema: dict[str, Any], value: list[Any], place: str) -> list[str]:
    first = schema.get("prefixItems", [])
    found = []
    if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
        found.append(f"{place}: has {len(value)} items")
    for index, item in enumerate(value):
        inner = first[index] if index < len(first) else schema.get("items", {})
        found += faults(inner, item, f"{place}[{index}]")
    return found


def _object_faults(schema: dict[str, Any], value: dict[str, Any], place: str) -> list[str]:
    known = schema.get("properties", {})
    found = [f"{place}: lacks {name}" for name in schema.get("required", []) if name not in value]
    for name, item in value.items():
        # A field that the document does not know is a fault here: the document is to be whole.
        other = schema.get("additionalProperties", {} if not known else None)
        inner = known.get(name, other)
        found += (
            [f"{place}: unknown field {name}"] if inner is None else faults(inner, item, f"{place}.{name}")
        )
    return found
