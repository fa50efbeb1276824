"""A small, deterministic interpreter of the Amazon States Language (JSONPath), in virtual time.

It knows what this project's definition and the workshop's use, and refuses whatever else a definition
holds, rather than to ignore it. It calls nothing itself: a scheduler sees every task that an execution
waits for and answers in any order, so that branches and executions can be interleaved at will.

Source: https://states-language.net/spec.html and the Step Functions Developer Guide.
"""

from tests.asl.definition import check_definition, load
from tests.asl.errors import StateError, UnsupportedDefinitionError
from tests.asl.execution import Execution, Status, run
from tests.asl.integrations import LAMBDA_INVOKE, PUT_ITEM, Integrations
from tests.asl.states import TaskCall

__all__ = [
    "LAMBDA_INVOKE",
    "PUT_ITEM",
    "Execution",
    "Integrations",
    "StateError",
    "Status",
    "TaskCall",
    "UnsupportedDefinitionError",
    "check_definition",
    "load",
    "run",
]
