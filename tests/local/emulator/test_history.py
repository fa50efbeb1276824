"""What the history of an execution tells: each event's predecessor, and the states of branches."""

from tests.local.emulator.machines import CAUGHT, FAILING, end_of, invoking, start
from tests.local.emulator.support import make_function

ECHO = "def handle(event, context): return event"


def test_each_event_of_a_branch_leads_back_to_the_state_it_belongs_to(client):
    fine, bad = (make_function(client("lambda"), source) for source in (ECHO, FAILING))
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    branches = [
        {"StartAt": "Fine", "States": {"Fine": invoking(fine)}},
        {"StartAt": "Bad", "States": {"Bad": invoking(bad, Catch=catch), "Caught": CAUGHT}},
    ]
    both = {"Type": "Parallel", "Branches": branches, "Next": "After"}
    execution = start(client, {"Both": both, "After": CAUGHT}, {"a": 1})
    assert end_of(client, execution)["status"] == "SUCCEEDED"
    history = client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    events = {event["id"]: event for event in history}
    assert sorted(events) == list(range(1, len(history) + 1))

    def state_of(event):
        while "stateEnteredEventDetails" not in event:
            event = events[event["previousEventId"]]
        return event["stateEnteredEventDetails"]["name"]

    by_type = {
        kind: {state_of(event) for event in history if event["type"] == kind}
        for kind in ("TaskScheduled", "TaskSucceeded", "TaskFailed", "TaskStateExited", "PassStateExited")
    }
    assert by_type == {
        "TaskScheduled": {"Fine", "Bad"},
        "TaskSucceeded": {"Fine"},
        "TaskFailed": {"Bad"},
        "TaskStateExited": {"Fine", "Bad"},
        "PassStateExited": {"Caught", "After"},
    }
    entered = {
        event["stateEnteredEventDetails"]["name"]: events.get(event["previousEventId"], {}).get("type")
        for event in history
        if "stateEnteredEventDetails" in event
    }
    assert entered == {
        "Both": None,
        "Fine": "ParallelStateEntered",
        "Bad": "ParallelStateEntered",
        "Caught": "TaskStateExited",
        "After": "ParallelStateExited",
    }
    inputs = {
        event["stateEnteredEventDetails"]["input"] for event in history if event["type"] == "TaskStateEntered"
    }
    assert inputs == {'{"a": 1}'}
