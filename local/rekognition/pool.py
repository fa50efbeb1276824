"""A bounded number of engines, and a bounded queue before them."""

import heapq
import itertools
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import cv2

from local.rekognition.engine import FaceEngine
from local.rekognition.errors import FaceServiceError, throttled
from local.rekognition.weights import Weights

_WAIT_SECONDS = 25.0


class _Worker:
    """An engine with the one thread that it runs in.

    A thread of its own, and not the caller's, because OpenCV and the allocator keep memory for every
    thread that ever ran a model: 20 callers at once took 490 MB and 3 s that way, 400 MB and 1.8 s this way.
    """

    def __init__(self, weights: Weights) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._loading = self.thread.submit(FaceEngine, weights)

    def engine(self) -> FaceEngine:
        """Return the engine, once it is loaded."""
        return self._loading.result()


class EnginePool:
    """Engines that calls take in turn.

    Parameters
    ----------
    weights
        Files of the models.
    engines
        How many calls run models at once.
    waiting
        How many more may wait; beyond it a call is throttled.
    threads
        OpenCV's threads within a call.

    Raises
    ------
    FaceServiceError
        If OpenCV cannot load the models.
    """

    def __init__(self, weights: Weights, engines: int = 2, waiting: int = 32, threads: int = 1) -> None:
        cv2.setNumThreads(threads)
        self._admitted = threading.BoundedSemaphore(engines + waiting)
        self._workers: list[_Worker] = []
        self._turns = threading.Lock()
        self._free: list[_Worker] = []
        # Of each call that waits: how little urgent it is, its number, and where it gets an engine.
        self._waiting: list[tuple[int, int, queue.SimpleQueue[_Worker]]] = []
        self._numbers = itertools.count()
        try:
            for _ in range(engines):
                self._workers.append(_Worker(weights))
                # One after the other: two that load at once have failed, once in a long while.
                self._workers[-1].engine()
                self._free.append(self._workers[-1])
        except cv2.error as error:
            self.close()
            raise FaceServiceError(
                f"OpenCV {cv2.__version__} cannot load the face models: install the pinned release. "
                f"It says: {error}"
            ) from error

    def close(self) -> None:
        """End the engines' threads, after what they are running."""
        for worker in self._workers:
            worker.thread.shutdown()

    @contextmanager
    def admission(self) -> Iterator[None]:
        """Hold a place for a call, from before its body is read; throttle it if there is none."""
        if not self._admitted.acquire(blocking=False):
            raise throttled()
        try:
            yield
        finally:
            self._admitted.release()

    def run[Answer](self, work: Callable[[FaceEngine], Answer], urgency: int = 0) -> Answer:
        """Run `work` with an engine of its own: of those that wait the most urgent first, then the oldest."""
        worker = self._take(urgency)
        try:
            return worker.thread.submit(work, worker.engine()).result()
        finally:
            self._give(worker)

    def _take(self, urgency: int) -> _Worker:
        with self._turns:
            if self._free:
                return self._free.pop()
            place: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
            turn = (-urgency, next(self._numbers), place)
            heapq.heappush(self._waiting, turn)
        try:
            return place.get(timeout=_WAIT_SECONDS)
        except queue.Empty:
            with self._turns:
                if turn not in self._waiting:  # it was given one just now
                    return place.get()
                self._waiting.remove(turn)
                heapq.heapify(self._waiting)
            raise throttled() from None

    def _give(self, worker: _Worker) -> None:
        with self._turns:
            if self._waiting:
                *_, place = heapq.heappop(self._waiting)
                place.put(worker)
            else:
                self._free.append(worker)
