"""The live feed tells everything once, also what it saw in a look that failed."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from local.console.feed import Feed

ROW = {"userId": "anna", "uploadId": "u", "status": "rejected", "updatedAt": "2026-01-01T00:00:00+00:00"}
ENDED = {"name": "e", "status": "FAILED", "started": 1, "stopped": 2, "userId": "anna"}
MAIL = {"id": "m", "sent": 3, "to": "anna@wildrydes.example", "subject": "Your photo"}


class Stage:
    """All that a look asks for; each question is answered but the one that fails."""

    def __init__(self) -> None:
        self.failing = ""
        self.since: list[str] = []

    def _answer(self, question: str, answer: Any) -> Any:
        if question == self.failing:
            raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
        return answer

    def feed(self) -> Feed:
        def changed_since(since: str) -> Any:
            self.since.append(since)
            return self._answer("rows", [ROW])

        collection = SimpleNamespace(describe_collection=lambda **_: self._answer("faces", {"FaceCount": 1}))
        executions = SimpleNamespace(page=lambda *_: self._answer("executions", {"executions": [ENDED]}))
        records = SimpleNamespace(
            changed_since=changed_since,
            counts=lambda: self._answer("counts", {}),
            appeals=lambda: self._answer("appeals", 0),
        )
        parts: Any = (
            SimpleNamespace(collection_id="faces", client=lambda _: collection),
            executions,
            records,
            SimpleNamespace(number=lambda: self._answer("letters", 0)),
            SimpleNamespace(all=lambda: self._answer("mails", [MAIL])),
        )
        return Feed(*parts)


@pytest.mark.parametrize(
    "failing", ["rows", "executions", "mails", "letters", "counts", "faces", "appeals", ""]
)
def test_what_a_look_saw_that_failed_is_told_by_the_next_and_once(failing: str) -> None:
    stage = Stage()
    feed = stage.feed()
    if failing:
        stage.failing = failing
        with pytest.raises(EndpointConnectionError):
            feed._look()
        stage.failing = ""
    items, counts = feed._look()
    assert [item["kind"] for item in items] == ["upload", "execution", "mail"]
    assert counts["mails"] == 1
    assert set(stage.since) == {"0"}
    assert feed._look()[0] == []
    assert stage.since[-1] > "0"
