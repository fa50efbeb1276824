"""The app's functions and the definition, as they are, in the simulation."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from chalicelib import unfinished
from chalicelib.audit import Auditor
from chalicelib.mail.delivery import MailOutcome
from chalicelib.retention import Retention
from chalicelib.steps import notify_rider
from chalicelib.strays import Strays
from tests.simulation import calls, invocations
from tests.simulation.cells import World
from tests.simulation.explore import run_to_end
from tests.simulation.faults import Fault
from tests.simulation.invocations import simulated
from tests.simulation.machines import Machine
from tests.simulation.scenarios import ONE_RIDER
from tests.simulation.system import Action


@pytest.fixture(autouse=True)
def simulation(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything is forgotten before and after: functions may be patched in a test."""
    with simulated(monkeypatch):
        Machine.use()
        calls.forget()
        # A search makes millions of tuples and no cycles: looking for those would take half of its time.
        gc.disable()
        yield
        gc.enable()
        calls.forget()
    gc.collect()


@pytest.fixture
def no_mail_for_accepted(simulation: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The switch is off, so that a search has four calls less an accepted upload to put in every order.

    Those calls read the rider's address, send, and mark it in the upload's own row, and no other call
    heeds that mark: where searches would take minutes by it, others with the mail stand for them.
    """
    monkeypatch.setattr(invocations, "SETTINGS", replace(invocations.SETTINGS, mail_on_accepted=False))


@pytest.fixture
def no_mails(no_mail_for_accepted: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody gets any: faults of mails are searched with one execution, and two make no others."""
    monkeypatch.setattr(notify_rider, "tell_rider", lambda *_, **__: MailOutcome.SENT)


@pytest.fixture
def no_tags(simulation: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audits tag no originals, which nothing here reads: it would make forty times as many states.

    Walks have the tags.
    """
    monkeypatch.setattr(Retention, "originals", lambda *_: iter(()))


@pytest.fixture
def unfinished_alone(no_tags: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Audits look at unfinished uploads and at nothing else, for a search that is about those."""
    monkeypatch.setattr(Auditor, "_shared_faces", lambda *_: iter(()))
    for part in ("faces", "thumbnails"):
        monkeypatch.setattr(Strays, part, lambda *_: iter(()))


@pytest.fixture
def turns_for_the_audit(simulation: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn is always free for the audit, and it takes none: it runs later than all others, and each
    turn that it took there would let them wait for one of their own. Walks have its turns.
    """
    monkeypatch.setattr(unfinished, "take_turn_at_once", lambda *_: True)


@pytest.fixture
def accepted() -> World:
    """A world in which a rider has a live photo."""
    return run_to_end(ONE_RIDER.start())


@pytest.fixture
def failed() -> World:
    """A world in which a rider's upload failed for good."""

    def without_thumbnail(possible: list[Action]) -> Action:
        refused = [a for a in possible if a.job and a.job.run.function == "make_thumbnail"]
        return next((a for a in refused if a.kind == Fault.REFUSED), possible[0])

    return run_to_end(ONE_RIDER.start(1), without_thumbnail)
