"""The operator's console in Chromium: what it shows of a stage, live, and that nothing in it runs there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from local.console import Console
from tests.browser.console_screenshots import VIEWS, shown
from tests.browser.console_world import HOSTILE, RIDER, World, world


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("console")) as made:
        yield made


@pytest.fixture(scope="module")
def console(stage: World) -> Iterator[Console]:
    with Console(stage.places) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test if anything on it failed, or was refused by the policy."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on(
        "console",
        lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None,
    )
    yield opened
    context.close()
    # The mail's own script and picture are refused by the mail's own policy and sandbox.
    assert [each for each in problems if "sandbox" not in each and "img-src data:" not in each] == []


def node(page: Page, state: str) -> str:
    return page.locator(f"[data-key='state-{state}']").get_attribute("aria-label") or ""


def test_the_way_of_an_accepted_photo_is_drawn_in_every_state(
    console: Console, stage: World, page: Page
) -> None:
    shown(page, console.url, f"execution?name={stage.executions['succeeded']}")
    for state in (
        "FaceDetection",
        "ParallelProcessing",
        "AddFaceToIndex",
        "Thumbnail",
        "RetireReplacedPhoto",
    ):
        assert node(page, state).startswith(f"{state}: succeeded"), node(page, state)
    assert node(page, "UndoExecution") == "UndoExecution: not reached"
    expect(page.locator("header.head")).to_contain_text("accepted")


def test_a_retry_is_counted_and_its_error_is_told(console: Console, stage: World, page: Page) -> None:
    shown(page, console.url, f"execution?name={stage.executions['retried']}&state=FaceDetection")
    assert "1 retry" in node(page, "FaceDetection")
    expect(page.locator(".attempts li")).to_have_count(2)
    expect(page.locator(".attempts")).to_contain_text("ServiceUnavailableError Rekognition is busy.")


def test_a_rejection_shows_the_catch_and_its_error_first(console: Console, stage: World, page: Page) -> None:
    shown(page, console.url, f"execution?name={stage.executions['rejected']}")
    assert node(page, "FaceDetection").startswith("FaceDetection: caught")
    assert node(page, "PhotoDoesNotMeetRequirement").startswith("PhotoDoesNotMeetRequirement: succeeded")
    assert node(page, "CheckFaceDuplicate") == "CheckFaceDuplicate: not reached"
    expect(page.locator(".details")).to_contain_text("Detected 2 faces in the photo.")


def test_a_state_is_chosen_by_keyboard(console: Console, stage: World, page: Page) -> None:
    shown(page, console.url, f"execution?name={stage.executions['succeeded']}")
    page.locator("[data-key='state-PersistMetadata']").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".details h2")).to_have_text("PersistMetadata")
    expect(page.locator("[data-key='state-PersistMetadata']")).to_be_focused()
    page.get_by_text("Input", exact=True).click()
    expect(page.locator(".details pre").first).to_contain_text(f'"userId": "{RIDER}"')


def test_a_failed_execution_tells_the_error_and_where(console: Console, stage: World, page: Page) -> None:
    shown(page, console.url, f"execution?name={stage.executions['failed']}")
    assert node(page, "ProcessingFailed").startswith("ProcessingFailed: failed")
    expect(page.locator("header .error")).to_contain_text("RuntimeError")


def test_executions_are_filtered_and_found_by_rider_and_upload(
    console: Console, stage: World, page: Page
) -> None:
    shown(page, console.url, "executions?status=FAILED")
    expect(page.locator("tbody tr")).to_have_count(1)
    shown(page, console.url, "executions")
    page.get_by_role("searchbox").fill(RIDER)
    page.keyboard.press("Enter")
    expect(page.locator("tbody .good, tbody .warn").first).to_be_visible()
    expect(page.locator("tbody")).not_to_contain_text("failed")
    upload = stage.executions["rejected"][:36]
    page.get_by_role("searchbox").fill(upload)
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody a").first).to_have_attribute("title", stage.executions["rejected"])


def test_a_running_execution_appears_by_itself_and_is_stopped(
    console: Console, stage: World, page: Page
) -> None:
    shown(page, console.url, "executions?status=RUNNING")
    expect(page.locator(".empty")).to_be_visible()
    name = stage.execute("running", wait=False)
    expect(page.locator("tbody a").first).to_have_attribute("title", name, timeout=60_000)
    page.locator("tbody a").first.click()
    expect(page.locator(".node.running")).to_have_attribute("data-key", "state-CheckFaceDuplicate")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("button", name="Stop it").click()
    expect(page.locator("header.head .facts")).to_contain_text("aborted")
    assert node(page, "CheckFaceDuplicate").startswith("CheckFaceDuplicate: aborted")
    stopped = stage.client("stepfunctions").describe_execution(
        executionArn=f"{stage.places.state_machine_arn.replace(':stateMachine:', ':execution:')}:{name}"
    )
    assert stopped["status"] == "ABORTED"


def test_what_a_hostile_rider_wrote_is_shown_and_never_runs(console: Console, page: Page) -> None:
    for view in (*VIEWS.values(), "uploads?appeals=1"):
        shown(page, console.url, view)
        expect(page.locator("main")).to_contain_text("<img src")
        assert page.locator("main script, main img[src='x'], main [onerror]").count() == 0, view
        assert page.title().endswith("Rider Photos console"), view


def test_a_hostile_upload_is_shown_in_full(console: Console, page: Page) -> None:
    shown(page, console.url, "uploads?appeals=1")
    page.locator("tbody a[href^='#/upload?']").first.click()
    expect(page.locator("blockquote")).to_contain_text(f"Twins! {HOSTILE}")
    # What calls itself a photo and is a page is not given out.
    expect(page.locator("figcaption")).to_have_text("original: gone, or no picture")


def test_a_mail_is_shown_in_a_frame_that_runs_nothing(console: Console, page: Page) -> None:
    shown(page, console.url, "mails")
    frame = page.frame_locator("iframe")
    expect(frame.locator("h1")).to_have_text("Hello")
    assert page.locator("iframe").get_attribute("sandbox") == ""
    assert "console" in page.title()


def test_faces_without_an_owner_are_pointed_out(console: Console, page: Page) -> None:
    shown(page, console.url, "faces")
    expect(page.get_by_role("alert")).to_contain_text("1 of these belong to no live photo")
    expect(page.locator("tbody tr").first).to_contain_text("live")


def test_a_redrive_that_fails_says_so_and_the_letters_stay(
    console: Console, stage: World, page: Page
) -> None:
    shown(page, console.url, "letters")
    expect(page.locator(".letter")).to_have_count(2)
    page.get_by_role("button", name="Redrive all").click()
    page.locator("dialog").get_by_role("button", name="Redrive").click()
    # There is no stack of that name in this world.
    expect(page.locator("#toast")).to_contain_text("There is no stage 'local'", timeout=60_000)
    expect(page.locator(".letter")).to_have_count(2)


def test_the_feed_tells_what_happens_newest_first(console: Console, stage: World, page: Page) -> None:
    shown(page, console.url, "")
    stage.put_row(RIDER, "feed-1", "rejected", reason={"S": "SUNGLASSES"})
    first = page.locator(".feed li").first
    expect(first).to_contain_text("SUNGLASSES", timeout=60_000)
    stage.put_row(RIDER, "feed-1", "superseded")
    expect(first).to_contain_text("superseded", timeout=60_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_a_phone_and_axe_finds_nothing(
    console: Console, stage: World, browser: Browser, scheme: Literal["light", "dark"]
) -> None:
    execution = f"execution?name={stage.executions['rejected']}"
    views = [*VIEWS.values(), execution] if scheme == "light" else ["", "uploads", execution]
    # axe is put into the page, which its policy would refuse.
    context = browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    for view in views:
        shown(page, console.url, view)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), view
        found = Axe().run(page).response["violations"]
        told = {each["id"]: [node["html"][:120] for node in each["nodes"]][:3] for each in found}
        assert told == {}, f"{view}: {json.dumps(told, indent=1)}"
    context.close()
