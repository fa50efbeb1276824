"""The dead-letter queue: what lies there, and starting it again by the project's own `redrive`."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from deploy.letters import FailedExecution, Letter, LetterBox, UnusableLetterError
from local.console.places import ConsoleError, Places
from local.places import PROJECT

# As long as it may take to read the queue once; then others see its letters again whatever happened.
_HOLD_SECONDS = 10
_REDRIVE_SECONDS = 300.0
_MOST_LETTERS = 200
_STOP_SECONDS = 5.0


class Letters:
    """Reads the queue as `redrive --dry-run` does: letters are taken out, and put back at once."""

    def __init__(self, places: Places) -> None:
        self._places = places
        # Two who read at once would each see half of it.
        self._busy = threading.Lock()
        self._redriving: subprocess.Popen[str] | None = None
        self._closed = False

    def all(self) -> dict[str, Any]:
        """The letters, the oldest first, each with what it asks for or why it is of no use."""
        found = []
        with self._busy:
            box = LetterBox(self._places.client("sqs"), self._places.dead_letter_queue_url, _HOLD_SECONDS)
            try:
                for letter in box.letters():
                    found.append(_described(letter))
                    if len(found) >= _MOST_LETTERS:
                        break
            finally:
                box.put_back()
        found.sort(key=lambda letter: letter["sent"] or 0)
        return {"letters": found, "number": max(self.number(), len(found))}

    def number(self) -> int:
        """About how many letters there are, those that somebody has taken out included."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self._places.client("sqs").get_queue_attributes(
            QueueUrl=self._places.dead_letter_queue_url, AttributeNames=names
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    def redrive(self) -> dict[str, Any]:
        """Run `python -m deploy redrive` for the stage, and return what it says.

        Raises
        ------
        ConsoleError
            409 while another one runs, 500 if it fails, 504 if it takes too long.
        """
        if not self._busy.acquire(timeout=_HOLD_SECONDS):
            raise ConsoleError(409, "The queue is being worked on already: wait for it to end.")
        try:
            code, output, log = self._run()
        finally:
            self._busy.release()
        try:
            result = json.loads(output)
        except ValueError:
            raise ConsoleError(
                500, f"redrive ended with {code}: {log[-2000:] or 'it said nothing'}"
            ) from None
        return {"result": result, "log": log, "code": code}

    def close(self) -> None:
        """End a redrive that is under way: each letter is deleted only after it was served."""
        self._closed = True
        process = self._redriving
        if process is not None:
            _end(process)

    def _run(self) -> tuple[int, str, str]:
        if self._closed:
            raise ConsoleError(503, "The console is ending.")
        process = subprocess.Popen(
            [sys.executable, "-m", "deploy", "redrive", "--stage", self._places.stage, "--json"],
            cwd=PROJECT,
            env=dict(self._places.environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._redriving = process
        try:
            output, log = process.communicate(timeout=_REDRIVE_SECONDS)
        except subprocess.TimeoutExpired:
            raise ConsoleError(
                504, f"redrive took more than {_REDRIVE_SECONDS:g} s, and was ended."
            ) from None
        finally:
            _end(process)
            self._redriving = None
        return process.returncode, output, log


def _end(process: subprocess.Popen[str]) -> None:
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS)
            return
        process.kill()
        process.wait()


def _described(letter: Letter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "id": letter.message_id,
        "sent": letter.sent,
        "body": letter.body,
        "kind": "unusable",
        "what": letter.why,
        "execution": None,
    }
    try:
        content = letter.content()
    except UnusableLetterError as error:
        return {**described, "what": str(error)}
    if isinstance(content, FailedExecution):
        name = content.execution_arn.rpartition(":")[2]
        return {**described, "kind": "execution", "what": content.error, "execution": name}
    return {**described, "kind": "event", "what": str(content)}
