"""What the fakes of boto3's clients share: botocore's own models, and failures that a test asks for.

A call is checked against the input shape of its operation before the fake looks at it, and what the fake
answers is checked against the output shape: a wrong call fails a test here as it would fail at AWS.
A simulation, which makes millions of calls, leaves these checks out. Each call is one atomic step.
"""

from __future__ import annotations

import functools
import re
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import botocore.session
from botocore import xform_name
from botocore.errorfactory import BaseClientExceptions, ClientExceptionsFactory
from botocore.exceptions import ClientError, ParamValidationError
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.paginate import Paginator
from botocore.validate import ParamValidator

type Parameters = Mapping[str, Any]
type Answer = dict[str, Any]
# Around each call: the client, the operation, its parameters, and what performs it.
type Around = Callable[["FakeClient", str, Parameters, Callable[[], Answer]], Answer]

# Java's character classes that the models use, as Python's re knows them.
_JAVA_CLASSES = {r"\p{L}\p{M}\p{S}\p{N}\p{P}": r"\S", r"\p{ASCII}": r"[\x00-\x7f]"}

_session = botocore.session.Session()
_exceptions_factory = ClientExceptionsFactory()


@functools.cache
def _service_model(service: str) -> ServiceModel:
    return _session.get_service_model(service)


@functools.cache
def _operation_model(service: str, method_name: str) -> OperationModel:
    model = _service_model(service)
    names = {xform_name(name): name for name in model.operation_names}
    return model.operation_model(names[method_name])


@functools.cache
def _pagination(service: str, operation: str) -> tuple[Any, OperationModel]:
    model = _operation_model(service, operation)
    return _session.get_paginator_model(service).get_paginator(model.name), model


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an operation, in the order in which the client got it."""

    operation: str
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class _Failure:
    error: Exception
    after_effect: bool


class FakeClient:
    """A client of one AWS service that keeps everything in memory.

    Attributes
    ----------
    service
        botocore's name of the service.
    exceptions
        As of a boto3 client: the classes of the service's errors.
    calls
        Every call that was well-formed, as long as calls are checked.
    checked
        Whether calls and answers are checked against botocore's shapes, and copied so that nobody shares
        them with the service.
    around
        Called instead of each operation, if it is set: it may wait, raise, or perform the operation.
    """

    service: ClassVar[str]
    # The attributes that are the service's state, and how many levels of containers each has.
    _state: ClassVar[Mapping[str, int]] = {}

    def __init__(self) -> None:
        self.exceptions: BaseClientExceptions = _exceptions_factory.create_client_exceptions(
            _service_model(self.service)
        )
        self.calls: list[Call] = []
        self.checked = True
        self.around: Around | None = None
        self._failures: defaultdict[str, deque[_Failure]] = defaultdict(deque)

    def fail_next(self, operation: str, error: Exception, *, after_effect: bool = False) -> None:
        """Let the next call of an operation fail; after its effect, as when only the answer gets lost."""
        assert hasattr(self, operation), f"{self.service} has no operation {operation}"
        self._failures[operation].append(_Failure(error, after_effect))

    def error(self, code: str, message: str = "", *, status: int = 400, operation: str = "") -> ClientError:
        """The error that boto3 raises for this code, of the class that `exceptions` knows."""
        response = {
            "Error": {"Code": code, "Message": message or code},
            "ResponseMetadata": {"HTTPStatusCode": status, "RequestId": "fake", "RetryAttempts": 0},
        }
        return self.exceptions.from_code(code)(response, operation)

    def calls_of(self, operation: str) -> list[Parameters]:
        """The parameters of an operation's calls."""
        return [call.parameters for call in self.calls if call.operation == operation]

    def get_paginator(self, operation: str) -> Paginator:
        """botocore's own paginator over the fake's operation."""
        configuration, model = _pagination(self.service, operation)
        return Paginator(getattr(self, operation), configuration, model)

    def save(self) -> tuple[Any, ...]:
        """The service's state, to restore it later; what is in it never changes."""
        return tuple(_copied(getattr(self, name), levels) for name, levels in self._state.items())

    def restore(self, saved: tuple[Any, ...]) -> None:
        """Go back to a state that was saved."""
        for (name, levels), value in zip(self._state.items(), saved, strict=True):
            setattr(self, name, _copied(value, levels))

    def _take_failure(self, operation: str) -> _Failure | None:
        failures = self._failures.get(operation)
        return failures.popleft() if failures else None


def operation[F: FakeClient](method: Callable[[F, Parameters], Answer]) -> Callable[..., Answer]:
    """Make a method an operation: takes keyword arguments, and is checked against the model both ways."""

    name = method.__name__

    @functools.wraps(method)
    def call(client: F, **parameters: Any) -> Answer:
        if client.around is None:
            return _perform(client, name, method, parameters)
        return client.around(client, name, parameters, lambda: _perform(client, name, method, parameters))

    return call


def _perform[F: FakeClient](
    client: F, name: str, method: Callable[[F, Parameters], Answer], parameters: Parameters
) -> Answer:
    model = _operation_model(client.service, name) if client.checked else None
    if model:
        check_shape(parameters, model.input_shape, f"{client.service} {name}")
        client.calls.append(Call(name, parameters))
    failure = client._take_failure(name)
    if failure and not failure.after_effect:
        raise failure.error
    answer = method(client, parameters)
    if model:
        check_shape(answer, model.output_shape, f"answer of {client.service} {name}")
    if failure:
        raise failure.error
    answer["ResponseMetadata"] = {"HTTPStatusCode": 200, "RequestId": "fake", "RetryAttempts": 0}
    return answer


def _copied(value: Any, levels: int) -> Any:
    if levels == 0:
        return value
    if isinstance(value, dict):
        return {key: _copied(inner, levels - 1) for key, inner in value.items()}
    return type(value)(_copied(inner, levels - 1) for inner in value)


def check_shape(value: Any, shape: Shape | None, what: str) -> None:
    """Check a value against a shape: types, names, required members, and the limits that botocore leaves out.

    Raises
    ------
    botocore.exceptions.ParamValidationError
        As a real client raises it; for a value out of its enumeration, pattern or greatest length too,
        which the service itself would refuse.
    """
    if shape is None:
        if value:
            raise ParamValidationError(report=f"{what} has no members, not {sorted(value)}")
        return
    report = ParamValidator().validate(value, shape)
    if report.has_errors():
        raise ParamValidationError(report=f"{what}: {report.generate_report()}")
    problems = list(_limits_broken(value, shape, what))
    if problems:
        raise ParamValidationError(report="; ".join(problems))


def _limits_broken(value: Any, shape: Shape, where: str) -> list[str]:
    if shape.type_name == "structure":
        # A tagged union or document has no members to go into.
        members = {name: member for name, member in shape.members.items() if value.get(name) is not None}
        nested = [_limits_broken(value[name], member, f"{where}.{name}") for name, member in members.items()]
    elif shape.type_name == "list":
        nested = [_limits_broken(item, shape.member, f"{where}[{i}]") for i, item in enumerate(value)]
    elif shape.type_name == "map":
        nested = [_limits_broken(value[key], shape.value, f"{where}.{key}") for key in value]
        nested += [_limits_broken(key, shape.key, f"{where} key") for key in value]
    else:
        nested = []
    own = _own_limits_broken(value, shape, where)
    return own + [problem for problems in nested for problem in problems]


def _own_limits_broken(value: Any, shape: Shape, where: str) -> list[str]:
    limits, problems = shape.metadata, []
    greatest = limits.get("max")
    if greatest is not None:
        size = value if shape.type_name in {"integer", "long", "float", "double"} else len(value)
        if size > greatest:
            problems.append(f"{where}: {size} is more than {greatest}")
    if shape.type_name == "string":
        if limits.get("enum") and str(value) not in limits["enum"]:
            problems.append(f"{where}: {value!r} is none of {limits['enum']}")
        pattern = limits.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(value):
            problems.append(f"{where}: {value!r} does not match {pattern}")
    return problems


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    for java, python in _JAVA_CLASSES.items():
        pattern = pattern.replace(java, python)
    return re.compile(pattern)
