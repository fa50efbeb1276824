"""The two pictures of the whole, as Mermaid: the way of a photo, and the parts of a stage.

Drawn from the definition, the templates' roles and the app's handlers. What is no state and no part, a rider
and how they reach it, is written here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from deploy.functions import API_HANDLER, FUNCTIONS, START_WAITING
from tests.asl.errors import ALL
from tests.reference.loaded import loaded_app
from tests.reference.parts import rights_of
from tests.statemachine.definitions import function_of

type State = Mapping[str, Any]

# How a photo ends where the definition does.
ENDS: Final = {
    "RetireReplacedPhoto": "accepted",
    "PhotoDoesNotMeetRequirement": "rejected, mail",
    "Superseded": "superseded",
    "AlreadyDecided": "as it was",
    "ProcessingFailed": "failed",
}
# By type: how a part is drawn. The others are policies, or belong to one of these.
SHAPES: Final = {
    "AWS::S3::Bucket": "[({})]",
    "AWS::DynamoDB::Table": "[({})]",
    "AWS::Rekognition::Collection": "[({})]",
    "AWS::SQS::Queue": "[[{}]]",
    "AWS::Cognito::UserPool": "({})",
    "AWS::StepFunctions::StateMachine": "{{{{{}}}}}",
}
NOT_DRAWN: Final = {
    "AWS::IAM::Role",
    "AWS::IAM::Policy",
    "AWS::IAM::ManagedPolicy",
    "AWS::S3::BucketPolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::Logs::LogGroup",
    "AWS::Cognito::UserPoolClient",
    "AWS::SES::ConfigurationSet",
    "AWS::SES::ConfigurationSetEventDestination",
}
_STEPS: Final = "steps"


def way_of_a_photo(definition: Mapping[str, Any]) -> str:
    """The good way of the definition, where it is left, and how it ends.

    Left out is what leads back, and what doesn't change how a photo ends.
    """
    states = definition["States"]
    good = list(_good_way(definition))
    tasks = [name for name in good if states[name]["Type"] in {"Task", "Parallel"}]
    [(start, event)] = [(name, event) for name, event, source in _rules() if source == "aws.s3"]
    lines = [f"rider((rider)) -- presigned POST --> S3 -- {event} --> {start} --> {tasks[0]}"]
    lines.append(" --> ".join([*tasks, f"{ENDS[tasks[-1]]}(({ENDS[tasks[-1]]}))"]))
    for name in tasks:
        if states[name]["Type"] == "Parallel":
            branches = (branch["StartAt"] for branch in states[name]["Branches"])
            lines += [f"subgraph {name}", *(f"    {branch}" for branch in branches), "end"]
    left: dict[tuple[str, str], list[str]] = {}
    for name in tasks:
        for catcher in states[name]["Catch"]:
            if catcher["Next"] not in good and catcher["Next"] in _side(states, good):
                words = "any failure" if catcher["ErrorEquals"] == [ALL] else "a rule is broken"
                left.setdefault((catcher["Next"], words), []).append(name)
    lines += [f"{' & '.join(sources)} -- {words} --> {to}" for (to, words), sources in left.items()]
    for name in _side(states, good):
        lines += _after(states, name)
    return _flowchart("LR", lines)


def _good_way(machine: State) -> Iterator[str]:
    name = machine["StartAt"]
    while name:
        yield name
        state = machine["States"][name]
        name = state.get("Next") or state.get("Default")


def _side(states: Mapping[str, State], good: list[str]) -> list[str]:
    """The tasks and ends off the good way that make a photo end otherwise than at its end."""
    return [
        name
        for name, state in states.items()
        if name not in good and (state["Type"] in {"Task", "Fail"} or name in ENDS)
    ]


def _after(states: Mapping[str, State], name: str) -> Iterator[str]:
    state = states[name]
    then = state.get("Next")
    if then is None:
        yield f"{name} --> {name}_end(({ENDS[name]}))"
    elif states[then]["Type"] == "Choice":
        for rule in states[then]["Choices"]:
            yield f"{name} -- {rule['StringEquals']} --> {rule['Next']}"
    else:
        yield f"{name} --> {then}"


def parts(template: Mapping[str, Any], definition: Mapping[str, Any]) -> str:
    """Who sets what going (thick), and who changes which part; who reads what is in the table."""
    drawn = {
        name: SHAPES[part["Type"]] for name, part in template["Resources"].items() if part["Type"] in SHAPES
    }
    [machine] = [
        name for name in drawn if template["Resources"][name]["Type"] == "AWS::StepFunctions::StateMachine"
    ]
    in_steps = {function for state in _every(definition) if (function := function_of(state))}
    others = [
        name for name in FUNCTIONS if name in {API_HANDLER, START_WAITING, *(name for name, _, _ in _rules())}
    ]
    lines = [f"{name}{shape.format(name)}" for name, shape in drawn.items()] + ["SES(SES)"]
    steps = [name for name in FUNCTIONS if name in in_steps]
    lines += [f'{_STEPS}["{"<br>".join(steps)}"]']
    lines += [
        "rider((rider)) == signs in ==> UserPool",
        f"rider == API Gateway ==> {API_HANDLER}",
        "rider == presigned POST ==> PhotoBucket",
        f"AdmissionQueue ==> {START_WAITING}",
        f"{machine} ==> {_STEPS}",
    ]
    sources = {"aws.s3": "PhotoBucket", "aws.states": machine}
    for name, event, source in _rules():
        begins = f"{sources[source]} == {event} ==>" if source else f"clock((clock)) == {event} ==>"
        lines.append(f"{begins} {name}")
    for group, functions in {
        **{name: [name] for name in others},
        _STEPS: steps,
        machine: ["state_machine"],
    }.items():
        changed = {
            part
            for function in functions
            for part, changes in rights_of(template, function).items()
            if changes and (part in drawn or part == "SES") and part != group
        }
        lines += [f"{group} --> {' & '.join(sorted(changed))}"] if changed else []
    return _flowchart("LR", lines)


def _every(machine: State) -> Iterator[State]:
    for state in machine["States"].values():
        yield state
        for branch in state.get("Branches", []):
            yield from _every(branch)


def _rules() -> Iterator[tuple[str, str, str]]:
    """(function, what happens, who says so) of each rule that invokes one; nobody says it of a schedule."""
    rules: list[Any] = loaded_app().event_sources
    for rule in rules:
        pattern = getattr(rule, "event_pattern", None)
        if pattern is None:
            yield rule.name, rule.schedule_expression.to_string(), ""
        else:
            words = pattern["detail"].get("status") or pattern["detail-type"]
            yield rule.name, ", ".join(words), pattern["source"][0]


def _flowchart(direction: str, lines: list[str]) -> str:
    return (
        "\n".join(["```mermaid", f"flowchart {direction}", *(f"    {line}" for line in lines), "```"]) + "\n"
    )
