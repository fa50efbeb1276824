"""Who gets an engine next: what ends a photo's way goes before what begins another's."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from local.rekognition import pool as pools
from local.rekognition.errors import RekognitionError
from local.rekognition.pool import EnginePool
from local.rekognition.weights import Weights


@pytest.fixture(scope="module")
def pool(weights: Weights) -> Iterator[EnginePool]:
    """One engine."""
    with closing(EnginePool(weights, engines=1)) as pool:
        yield pool


class Occupied:
    """Holds the one engine while calls come to wait for it."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool, self._begun, self._release = pool, threading.Event(), threading.Event()
        self._calls = [threading.Thread(target=pool.run, args=(self._hold,))]
        self.order: list[str] = []

    def __enter__(self) -> "Occupied":
        self._calls[0].start()
        assert self._begun.wait(60)
        return self

    def _hold(self, _: object) -> None:
        self._begun.set()
        assert self._release.wait(60)

    def call(self, name: str, urgency: int) -> None:
        """Come to wait after all who wait already."""
        waiting = len(self._pool._waiting)
        thread = threading.Thread(target=self._pool.run, args=(lambda _: self.order.append(name), urgency))
        self._calls.append(thread)
        thread.start()
        while len(self._pool._waiting) == waiting:
            assert thread.is_alive()

    def __exit__(self, *_: object) -> None:
        self._release.set()
        for call in self._calls:
            call.join()


def test_the_most_urgent_call_goes_first_then_the_oldest(pool: EnginePool) -> None:
    with Occupied(pool) as occupied:
        for name, urgency in (("a", 0), ("b", 0), ("c", 2), ("d", 1), ("e", 2)):
            occupied.call(name, urgency)
    assert occupied.order == ["c", "e", "d", "a", "b"]


def test_who_waits_too_long_is_throttled_and_takes_no_turn(
    pool: EnginePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "_WAIT_SECONDS", 0.01)
    with Occupied(pool), pytest.raises(RekognitionError, match="exceeds what this service"):
        pool.run(lambda engine: None)
    assert pool.run(lambda engine: 7) == 7
    assert pool._waiting == []
