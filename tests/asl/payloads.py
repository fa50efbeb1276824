"""What travels between states: JSON of a bounded size, filtered and put together by templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.asl import paths
from tests.asl.errors import DATA_LIMIT_EXCEEDED, StateError

type Json = Any

# 256 KiB of UTF-8: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
MAX_BYTES: Final = 256 * 1024


def as_json(value: Json, what: str) -> Json:
    """The value as JSON gives it back: tuples become lists, string enumerations strings.

    Raises
    ------
    StateError
        States.DataLimitExceeded above 256 KiB.
    TypeError, ValueError
        If it is no JSON: a mistake of whoever made it.
    """
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    size = len(text.encode(errors="surrogatepass"))
    if size > MAX_BYTES:
        raise StateError(DATA_LIMIT_EXCEEDED, f"{what} has {size:,} bytes, at most {MAX_BYTES:,} may pass.")
    return json.loads(text)


def fill(template: Json, data: Json, context: Json) -> Json:
    """Fill in `Parameters` or a `ResultSelector`: fields whose name ends in `.$` hold paths."""
    if isinstance(template, Mapping):
        return dict(_fill_field(name, value, data, context) for name, value in template.items())
    if isinstance(template, list):
        return [fill(value, data, context) for value in template]
    return template


def paths_in(template: Json) -> list[str]:
    """All paths of a template."""
    if isinstance(template, list):
        return [path for value in template for path in paths_in(value)]
    if not isinstance(template, Mapping):
        return []
    return [
        path
        for name, value in template.items()
        for path in ([value] if name.endswith(".$") else paths_in(value))
    ]


def filtered(path: str | None, data: Json, context: Json) -> Json:
    """What `InputPath` or `OutputPath` leaves: null leaves an empty object."""
    return {} if path is None else paths.get(path, data, context)


def _fill_field(name: str, value: Json, data: Json, context: Json) -> tuple[str, Json]:
    if name.endswith(".$"):
        return name[:-2], paths.get(value, data, context)
    return name, fill(value, data, context)
