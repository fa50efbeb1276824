"""Checks a request against Rekognition's API model, as botocore ships it, in the words of AWS's front end."""

import base64
import binascii
import json
import math
import re
from functools import cache
from typing import Any

import botocore.loaders
import botocore.model

from local.rekognition.errors import RekognitionError

_SHOWN_CHARACTERS = 100
_INTEGER_BITS = {"integer": 32, "long": 64}
_NAMES = {
    "structure": "an object",
    "list": "a list",
    "map": "an object",
    "string": "a string",
    "blob": "base64",
}


@cache
def service_model() -> botocore.model.ServiceModel:
    """Return the API model of Rekognition."""
    description = botocore.loaders.Loader().load_service_model("rekognition", "service-2")
    return botocore.model.ServiceModel(description, "rekognition")


def parse_request(operation: str, body: bytes) -> dict[str, Any]:
    """Return the members of a request, blobs decoded; members that the model doesn't know are left out.

    Raises
    ------
    RekognitionError
        SerializationException where the body isn't JSON of the right types, ValidationException
        naming every member that breaks a constraint.
    """
    try:
        document = json.loads(body or b"{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise _serialization("the body is not valid JSON") from error
    shape = service_model().operation_model(operation).input_shape
    if shape is None:
        return {}
    check = _Check()
    request: dict[str, Any] = check.value(shape, document, "")
    if check.broken:
        number = "1 validation error" if len(check.broken) == 1 else f"{len(check.broken)} validation errors"
        raise RekognitionError("ValidationException", f"{number} detected: {'; '.join(check.broken)}")
    return request


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _serialization(why: str) -> RekognitionError:
    return RekognitionError("SerializationException", f"The request cannot be read: {why}.")


class _Check:
    """One walk over a request; `broken` gathers the constraints that are not met."""

    def __init__(self) -> None:
        self.broken: list[str] = []

    def value(self, shape: botocore.model.Shape, value: Any, path: str) -> Any:
        if isinstance(shape, botocore.model.StructureShape):
            return self._structure(shape, value, path)
        if isinstance(shape, botocore.model.ListShape):
            return self._list(shape, value, path)
        if isinstance(shape, botocore.model.MapShape):
            return self._map(shape, value, path)
        if isinstance(shape, botocore.model.StringShape):
            return self._string(shape, value, path)
        if shape.type_name == "blob":
            return self._blob(shape, value, path)
        if shape.type_name == "boolean":
            return _typed(value, bool, path, "true or false")
        return self._number(shape, value, path)

    def _structure(self, shape: botocore.model.StructureShape, value: Any, path: str) -> dict[str, Any]:
        members = _typed(value, dict, path, _NAMES["structure"])
        checked = {}
        for name, member in shape.members.items():
            where = f"{path}.{_camel(name)}" if path else _camel(name)
            # JSON's null means that a member is not given.
            if members.get(name) is not None:
                checked[name] = self.value(member, members[name], where)
            elif name in shape.required_members:
                self._break("null", where, "Member must not be null")
        return checked

    def _list(self, shape: botocore.model.ListShape, value: Any, path: str) -> list[Any]:
        items = _typed(value, list, path, _NAMES["list"])
        self._length(shape, len(items), "list", path)
        return [
            self.value(shape.member, item, f"{path}.{number}.member") for number, item in enumerate(items, 1)
        ]

    def _map(self, shape: botocore.model.MapShape, value: Any, path: str) -> dict[str, Any]:
        items = _typed(value, dict, path, _NAMES["map"])
        self._length(shape, len(items), "map", path)
        return {
            self.value(shape.key, key, f"{path}.key"): self.value(shape.value, item, f"{path}.{key}.member")
            for key, item in items.items()
        }

    def _blob(self, shape: botocore.model.Shape, value: Any, path: str) -> bytes:
        try:
            data = base64.b64decode(_typed(value, str, path, _NAMES["blob"]), validate=True)
        except (binascii.Error, ValueError) as error:
            raise _serialization(f"'{path}' is not base64") from error
        self._length(shape, len(data), f"{len(data)} bytes", path)
        return data

    def _string(self, shape: botocore.model.StringShape, value: Any, path: str) -> str:
        text: str = _typed(value, str, path, _NAMES["string"])
        shown = f"'{text[:_SHOWN_CHARACTERS]}'"
        self._length(shape, len(text), shown, path)
        if shape.enum and text not in shape.enum:
            self._break(shown, path, f"Member must satisfy enum value set: [{', '.join(shape.enum)}]")
        pattern = shape.metadata.get("pattern")
        if pattern and not _pattern(pattern).fullmatch(text):
            self._break(shown, path, f"Member must satisfy regular expression pattern: {pattern}")
        return text

    def _number(self, shape: botocore.model.Shape, value: Any, path: str) -> int | float:
        bits = _INTEGER_BITS.get(shape.type_name)
        wanted = int if bits else (int, float)
        if isinstance(value, bool) or not isinstance(value, wanted):
            raise _serialization(f"'{path}' must be a{' whole' if bits else ''} number")
        number: int | float = value
        if bits and not -(2 ** (bits - 1)) <= number < 2 ** (bits - 1):
            raise _serialization(f"'{path}' does not fit into {bits} bits")
        if not bits:
            number = _finite(value, path)
        limits = shape.metadata
        if "min" in limits and number < limits["min"]:
            self._break(str(number), path, f"Member must have value greater than or equal to {limits['min']}")
        if "max" in limits and number > limits["max"]:
            self._break(str(number), path, f"Member must have value less than or equal to {limits['max']}")
        return number

    def _length(self, shape: botocore.model.Shape, length: int, shown: str, path: str) -> None:
        limits = shape.metadata
        if "min" in limits and length < limits["min"]:
            self._break(shown, path, f"Member must have length greater than or equal to {limits['min']}")
        if "max" in limits and length > limits["max"]:
            self._break(shown, path, f"Member must have length less than or equal to {limits['max']}")

    def _break(self, shown: str, path: str, constraint: str) -> None:
        self.broken.append(f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}")


@cache
def _pattern(java: str) -> re.Pattern[str]:
    """Compile a pattern of the model, with the nearest Python has to Java's classes of characters."""
    for theirs, ours in ((r"\p{L}", r"\w"), (r"\p{N}", r"\d"), (r"\p{Z}", " ")):
        java = java.replace(theirs, ours)
    return re.compile(java)


def _typed(value: Any, kind: type, path: str, name: str) -> Any:
    if not isinstance(value, kind):
        raise _serialization(f"'{path}' must be {name}" if path else f"the body must be {name}")
    return value


def _finite(value: float, path: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _serialization(f"'{path}' is too large a number")
    return number


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]
