"""Runs of the app's functions, taken up again after any AWS call.

A function is deterministic: what it does next depends on its event and on the answers so far alone. So a
run that waits for an answer is kept as a node of a tree, whose edges are answers; it is taken up by calling
the function again with the recorded answers, once for each new node. No thread is ever suspended.
"""

from __future__ import annotations

import contextlib
import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any, ClassVar, Final

from botocore.exceptions import ReadTimeoutError

from chalicelib import (
    admission,
    audit,
    clients,
    closing,
    erasure,
    executions,
    observability,
    unfinished,
    uploads_table,
    wiring,
)
from chalicelib.models import RiderPhoto
from chalicelib.passes import Pace
from chalicelib.settings import Settings
from tests.fakes import ENVIRONMENT
from tests.simulation.cells import frozen
from tests.simulation.stand_ins import (
    CLIENTS,
    Answer,
    Clock,
    Context,
    NoMetric,
    Recording,
    Request,
    WaitsError,
)

type Json = Any

SETTINGS: Final = Settings.from_env(ENVIRONMENT)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended: its answer as JSON, or the name of its error and the Cause."""

    result: str | None = None
    error: str | None = None
    cause: str = ""


class Run:
    """A run of a function that waits for the answer of `request`, or that has ended with `outcome`."""

    __slots__ = ("_after", "_event", "answers", "function", "now", "number", "outcome", "request", "tag")
    _first: ClassVar[dict[tuple[str, str, float, str], Run]] = {}
    _made: ClassVar[int] = 0

    def __init__(
        self, function: str, event: str, now: float, tag: str, answers: tuple[Answer, ...] = ()
    ) -> None:
        self.function = function
        self._event = event
        self.now = now
        self.tag = tag
        self.answers = answers
        self._after: dict[Answer, Run] = {}
        self.request: Request | None = None
        self.outcome: Outcome | None = None
        Run._made += 1
        self.number = Run._made
        Recording.answers, Recording.position, Recording.now = answers, 0, now
        try:
            result = FUNCTIONS[function](json.loads(event))
        except WaitsError as waits:
            self.request = waits.request
        except Exception as error:  # Lambda reports whatever a function raises by its class's name
            self.outcome = _failure(error)
        else:
            self.outcome = Outcome(result=frozen(result))

    @classmethod
    def first(cls, function: str, event: Json, now: float, tag: str) -> Run:
        """The run of a function from its beginning.

        Parameters
        ----------
        now
            Unix time; the function's clock stands still while it runs.
        tag
            Marks the mails that it sends.
        """
        key = (function, frozen(event), now, tag)
        run = cls._first.get(key)
        if run is None:
            run = cls._first[key] = cls(*key)
        return run

    def after(self, answer: Answer) -> Run:
        """The run after its call was answered."""
        run = self._after.get(answer)
        if run is None:
            run = Run(self.function, self._event, self.now, self.tag, (*self.answers, answer))
            self._after[answer] = run
        return run

    def again(self) -> Run:
        """The same function with the same event, from its beginning."""
        return self._first[self.function, self._event, self.now, self.tag]

    @classmethod
    def forget(cls) -> None:
        """Forget all runs: after the functions were changed, or to free their memory."""
        cls._first.clear()


def _failure(error: Exception) -> Outcome:
    if isinstance(error, AssertionError | TypeError | NameError | AttributeError | KeyError):
        raise error  # a mistake of the simulation or the app, not one of the failures that are simulated
    is_native = getattr(error, "native", False)
    name = f"DynamoDB.{clients.error_code(error)}" if is_native else type(error).__name__
    return Outcome(error=name, cause=frozen({"errorMessage": str(error), "errorType": name}))


def _by_hand_restart(event: Json) -> Json:
    """What an operator's redrive does with an execution's dead letter."""
    photo = RiderPhoto.from_state(event["input"])
    return wiring.call(
        executions.restart,
        photo=replace(photo, version_id=event["input"].get("s3VersionId")),
        from_execution=event["executionArn"],
        state_machine_arn=SETTINGS.state_machine_arn,
    )


def _put_item(parameters: Json) -> Json:
    """The native integration: Step Functions calls DynamoDB itself."""
    try:
        CLIENTS["dynamodb"].put_item(**parameters)
    except ReadTimeoutError as error:
        raise _native_timeout() from error
    except Exception as error:
        error.native = True  # type: ignore[attr-defined]
        raise
    return {}


def _native_timeout() -> Exception:
    return type("States.Timeout", (Exception,), {})("no answer")


def _erase(event: Json) -> Json:
    wiring.call(erasure.Eraser).erase(event["userId"])
    return {}


def _start(event: Json) -> Json:
    """What somebody does who starts an execution by hand."""
    CLIENTS["step_functions"].start_execution(
        stateMachineArn=SETTINGS.state_machine_arn, name=event["name"], input=frozen(event["input"])
    )
    return {}


def _functions() -> dict[str, Callable[[Json], Json]]:
    """The app's entry points, and what else acts on the world."""
    app = importlib.import_module("app")
    steps = {
        name: lambda event, name=name: getattr(app, name)(event, Context())
        for name in (
            *("detect_faces", "search_face", "index_face", "make_thumbnail", "confirm_face"),
            *("retire_replaced", "undo", "notify_rider", "persist_metadata"),
            *("start_processing", "start_waiting", "close_execution", "audit"),
        )
    }
    return {**steps, "put_item": _put_item, "erase": _erase, "restart": _by_hand_restart, "start": _start}


FUNCTIONS: Final[dict[str, Callable[[Json], Json]]] = {}


@contextlib.contextmanager
def simulated(patches: Any) -> Iterator[None]:
    """Let the app's functions run in the simulation; `patches` is a pytest.MonkeyPatch."""
    for name, value in ENVIRONMENT.items():
        patches.setenv(name, value)
    for name, client in CLIENTS.items():
        patches.setitem(wiring._PROVIDERS, name, lambda client=client: client)
        patches.setattr(clients, name, lambda client=client: client)
    patches.setitem(wiring._PROVIDERS, "settings", lambda: SETTINGS)
    patches.setitem(wiring._PROVIDERS, "pace", lambda: Pace(float("inf")))
    patches.setattr(wiring, "settings", lambda: SETTINGS)
    for module in (uploads_table, erasure, audit, unfinished, admission):
        patches.setattr(module, "datetime", Clock)
    patches.setattr(erasure, "os", SimpleNamespace(urandom=bytes))  # a run is the same each time
    patches.setattr(observability, "single_metric", lambda **_: contextlib.nullcontext(NoMetric()))
    level = observability.logger.log_level
    observability.logger.setLevel("CRITICAL")
    FUNCTIONS.update(_functions())
    assert closing.call is wiring.call
    Run.forget()
    try:
        yield
    finally:
        observability.logger.setLevel(level)
        Run.forget()
