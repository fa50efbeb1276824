"""Who gets which client: the one place that knows."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from chalicelib import clients
from chalicelib.settings import settings

if TYPE_CHECKING:
    from chalicelib.passes import Pace
    from chalicelib.records import RiderRecords
    from chalicelib.uploads_table import UploadsTable


class WhenUsed:
    """A client that is made when it is first used: most functions ask for more clients than a photo needs."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def __getattr__(self, name: str) -> Any:
        return getattr(self._make(), name)


def when_used(make: Callable[[], Any]) -> Callable[[], WhenUsed]:
    """A provider of a client that is made when it is first used."""
    return lambda: WhenUsed(make)


def _dynamodb() -> Any:
    return WhenUsed(clients.dynamodb)


def uploads_table() -> UploadsTable:
    """The uploads table of this stage."""
    from chalicelib.uploads_table import UploadsTable

    return UploadsTable(_dynamodb(), settings())


def rider_records() -> RiderRecords:
    """What this stage keeps of riders besides their uploads."""
    from chalicelib.records import RiderRecords

    return RiderRecords(_dynamodb(), settings())


def pace() -> Pace:
    """How fast the audit may call Rekognition."""
    from chalicelib.passes import Pace

    return Pace(settings().audit_calls_per_second)


# A parameter's name says what it is given; each is given when a function that wants it is called.
_PROVIDERS: Final[Mapping[str, Callable[[], Any]]] = {
    "cognito": when_used(clients.cognito),
    "dynamodb": _dynamodb,
    "pace": pace,
    "records": rider_records,
    "rekognition": when_used(clients.rekognition),
    "rules": lambda: settings().photo_rules,
    "s3": when_used(clients.s3),
    "ses": when_used(clients.ses),
    "settings": settings,
    "sqs": when_used(clients.sqs),
    "step_functions": when_used(clients.step_functions),
    "table": uploads_table,
}


def call[Result](function: Callable[..., Result], **known: Any) -> Result:
    """Call a function with the clients that its parameters name, and with what is known already.

    What is known and not asked for is left out, so that all steps can be called alike. A parameter with a
    default keeps it unless it is known.
    """
    wanted = inspect.signature(function).parameters
    return function(
        **{
            name: known[name] if name in known else _PROVIDERS[name]()
            for name, parameter in wanted.items()
            if name in known or parameter.default is parameter.empty
        }
    )
