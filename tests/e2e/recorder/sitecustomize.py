"""On PYTHONPATH of a program: writes down each AWS call that it and its children make.

To the file in ``CALLS_LOG``, one JSON object a line: ``{"service", "operation", "parameters"}``; of the
parameters those that are short texts. Python imports this module by its name when it starts.
"""

import json
import os
from pathlib import Path
from typing import Any

from botocore.client import BaseClient

_MOST_CHARACTERS = 500
_make_api_call = BaseClient._make_api_call


def _recorded(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
    texts = {
        name: value
        for name, value in parameters.items()
        if isinstance(value, str) and len(value) <= _MOST_CHARACTERS
    }
    call = {"service": client.meta.service_model.service_name, "operation": operation, "parameters": texts}
    # One write of less than a page to a file opened for appending is not torn.
    with Path(os.environ["CALLS_LOG"]).open("a", encoding="utf-8") as log:
        log.write(json.dumps(call) + "\n")
    return _make_api_call(client, operation, parameters)


BaseClient._make_api_call = _recorded
