"""Where an answer departs from botocore's model of it."""

import re
from typing import Any

from botocore.model import ListShape, Shape, StringShape, StructureShape

_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": dict,
    "list": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}


def departures(shape: Shape | None, value: Any, path: str = "answer") -> list[str]:
    """Name each member that the model lacks, requires, or has of another type, enum, pattern or range."""
    if shape is None:
        return [] if value == {} else [f"{path} should be empty"]
    is_flag = isinstance(value, bool)
    if not isinstance(value, _TYPES[shape.type_name]) or is_flag != (shape.type_name == "boolean"):
        return [f"{path} is no {shape.type_name}: {value!r}"]
    found: list[str] = []
    if isinstance(shape, StructureShape):
        found += [f"{path}.{name} is not in the model" for name in value.keys() - shape.members.keys()]
        found += [f"{path}.{name} is missing" for name in set(shape.required_members) - value.keys()]
        for name in value.keys() & shape.members.keys():
            found += departures(shape.members[name], value[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for number, item in enumerate(value):
            found += departures(shape.member, item, f"{path}[{number}]")
    elif isinstance(shape, StringShape):
        if shape.enum and value not in shape.enum:
            found.append(f"{path} is not of the enum: {value!r}")
        pattern = shape.metadata.get("pattern")
        if pattern and not re.fullmatch(pattern, value):
            found.append(f"{path} does not match {pattern}: {value!r}")
    size = value if isinstance(value, (int, float)) else len(value)
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if (least is not None and size < least) or (most is not None and size > most):
        found.append(f"{path} is not from {least} to {most}: {size}")
    return found
