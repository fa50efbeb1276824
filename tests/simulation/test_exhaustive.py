"""Every order of the calls of concurrent executions, each state once, without and with each single fault."""

from __future__ import annotations

import pytest

from tests.simulation import scenarios
from tests.simulation.cells import World
from tests.simulation.classes import classes
from tests.simulation.explore import Explored, ViolationError, explore
from tests.simulation.scenarios import Scenario

WITHOUT_FAULTS = [
    *(scenarios.ONE_RIDER, scenarios.NOBODY, scenarios.SAME_EVENT, scenarios.TWO_RIDERS),
    *(scenarios.TWO_RIDERS_LATE, scenarios.TWO_PHOTOS, scenarios.TWO_PEOPLE, scenarios.SWAPPED),
    *(scenarios.TURN, scenarios.TURN_TWICE, scenarios.TURN_ERASED),
    *(scenarios.TWINS, scenarios.TWO_BY_HAND, scenarios.ERASED),
]
ALONE = [scenarios.NOBODY, scenarios.ONE_RIDER, scenarios.SAME_EVENT, scenarios.SWAPPED]
IN_A_CROWD = [scenarios.TURN, scenarios.TURN_TWICE]


def report(name: str, explored: Explored) -> None:
    """Say what was seen; pytest shows it with -rP."""
    print(
        f"{name}: {explored.states:,} states, {explored.steps:,} steps, {explored.schedules:.3g} schedules, "
        f"{explored.ends} ends, {explored.audited} mended by the audit, uploads {explored.statuses}"
    )


@pytest.mark.parametrize("scenario", WITHOUT_FAULTS, ids=lambda scenario: scenario.name)
def test_in_every_order_of_the_calls_the_invariants_hold(scenario: Scenario) -> None:
    explored = explore(scenario)
    report(scenario.name, explored)
    assert explored.ends >= 1
    assert explored.audited == 0 or scenario.audit_mends


@pytest.mark.usefixtures("no_mail_for_accepted", "no_tags", "turns_for_the_audit")
def test_an_audit_in_between_changes_nothing() -> None:
    assert_undisturbed(scenarios.AUDITED)


@pytest.mark.usefixtures("no_mail_for_accepted", "unfinished_alone", "turns_for_the_audit")
def test_an_audit_lets_an_upload_wait_for_its_turn() -> None:
    assert_undisturbed(scenarios.TURN_AUDITED)


def assert_undisturbed(scenario: Scenario) -> None:
    explored = explore(scenario)
    report(scenario.name, explored)
    assert set(explored.statuses) == {("accepted",)}
    assert explored.audited == 0


@pytest.mark.parametrize("scenario", ALONE, ids=lambda scenario: scenario.name)
def test_with_any_single_fault_at_any_call_they_hold_too(scenario: Scenario) -> None:
    explored = explore(scenario, fault_count=1)
    report(scenario.name, explored)
    assert any("failed" in statuses for statuses in explored.statuses)


@pytest.mark.usefixtures("no_mail_for_accepted")
@pytest.mark.parametrize("scenario", IN_A_CROWD, ids=lambda scenario: scenario.name)
def test_with_any_single_fault_in_a_crowd_they_hold_too(scenario: Scenario) -> None:
    explored = explore(scenario, fault_count=1)
    report(scenario.name, explored)
    assert any("failed" in statuses for statuses in explored.statuses)


@pytest.mark.usefixtures("no_mails")
@pytest.mark.parametrize(
    "scenario", [scenarios.TWO_RIDERS, scenarios.TWO_PHOTOS], ids=lambda scenario: scenario.name
)
def test_with_any_single_fault_in_any_order_of_two_executions_they_hold_too(scenario: Scenario) -> None:
    explored = explore(scenario, fault_count=1)
    report(scenario.name, explored)
    assert explored.schedules > 1e20


@pytest.mark.usefixtures("no_mail_for_accepted")
@pytest.mark.parametrize(
    "scenario", [scenarios.NOBODY, scenarios.ONE_RIDER], ids=lambda scenario: scenario.name
)
def test_with_any_pair_of_faults_of_one_execution_they_hold_too(scenario: Scenario) -> None:
    explored = explore(scenario, fault_count=2)
    report(scenario.name, explored)
    assert explored.states > explore(scenario, fault_count=1).states


def test_schedules_that_differ_by_calls_that_commute_alone_are_one_class() -> None:
    assert classes(scenarios.ONE_RIDER) == 1
    assert 1 < classes(scenarios.TWO_RIDERS) < explore(scenarios.TWO_RIDERS).schedules


@pytest.mark.parametrize("fault_count", [0, 1])
def test_a_replay_of_a_success_changes_nothing(accepted: World, fault_count: int) -> None:
    explored = explore(scenarios.replayed(accepted), fault_count)
    report("a replay", explored)
    assert set(explored.statuses) == {("accepted",)}


@pytest.mark.parametrize(("times", "fault_count"), [(2, 0), (1, 1)])
def test_a_failed_upload_can_be_started_again_and_is_so_once(
    failed: World, times: int, fault_count: int
) -> None:
    explored = explore(scenarios.restarted(failed, times), fault_count)
    report("a restart", explored)
    assert ("accepted",) in explored.statuses


def test_of_several_photos_the_newest_is_kept_and_no_other(accepted: World) -> None:
    explored = explore(scenarios.replaced(accepted))
    report("two photos more", explored)
    assert all(statuses[-1] == "accepted" for statuses in explored.statuses)


def test_a_face_that_only_its_own_search_finds_yet_is_what_the_audit_is_for() -> None:
    """The one gap that no protocol closes: two faces are indexed, and neither search finds the other."""
    halves = Scenario(
        "two riders, each face found by its own search first",
        scenarios.TWO_RIDERS.uploads,
        scenarios.TWO_RIDERS.events,
        None,
        late_index="halves",
    )
    with pytest.raises(ViolationError, match="hold the same face"):
        explore(halves)
