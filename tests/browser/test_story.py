"""A rider's way from the sign-up to the erasing, on the deployed app with real face models."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Route

from chalicelib.consent import CONSENT_VERSION
from local.stack import Stack
from tests.browser.riding import ACCEPTED, CHOOSE, LIVE, RiderPage, ready

pytestmark = pytest.mark.usefixtures("empty_world")


def test_from_sign_up_to_accepted_replaced_and_erased(
    new_page: Callable[..., RiderPage], samples: dict[str, Path], stack: Stack
) -> None:
    tab = new_page()
    tab.sign_up()
    tab.agree()

    tab.send(samples["sunglasses"])
    tab.sees("Please take your sunglasses off")
    tab.press("Try another photo")
    tab.sees(CHOOSE)

    tab.send(samples["obama"])
    tab.sees(ACCEPTED)
    tab.picture_is_shown("Your avatar")
    tab.picture_is_shown("Your photo as the app shows it")
    first = live_face(stack, tab)
    tab.press("Done")
    tab.sees(LIVE)

    tab.send_replacement(samples["obama_standing"])
    tab.sees(ACCEPTED)
    assert live_face(stack, tab) != first

    tab.press("Done")
    tab.sees(LIVE)
    tab.press("Erase my photo")
    tab.press("Keep it")
    assert live_face(stack, tab)
    tab.press("Erase my photo")
    tab.press("Erase it")
    tab.sees(CHOOSE)
    tab.reads("Your photo is erased")
    assert live_face(stack, tab) is None
    assert faces(stack) == []


def test_a_face_that_another_rider_holds_is_refused_without_a_name_and_may_be_appealed(
    new_page: Callable[..., RiderPage], rider: RiderPage, samples: dict[str, Path], stack: Stack
) -> None:
    rider.send(samples["biden"])
    rider.sees(ACCEPTED)

    twin = ready(new_page())
    twin.send(samples["biden"])
    twin.sees("This face already has an account")
    shown = twin.page.content()
    assert rider.email not in shown
    assert user_id(stack, rider) not in shown

    twin.press("This is a mistake")
    twin.sees("Tell us what is wrong")
    twin.press("Send the note")
    twin.reads("Please write a sentence or two.")
    twin.fill("Your note to us", "We are twins.")
    twin.press("Send the note")
    twin.reads("You told us that this is a mistake.")
    assert appeals(stack, twin) == ["We are twins."]
    # A reload shows the same again, from what the API says.
    twin.open()
    twin.sees("This face already has an account")
    twin.reads("You told us that this is a mistake.")

    rider.press("Done")
    rider.sees(LIVE)
    rider.send_replacement(samples["obama"])
    rider.sees("This looks like somebody else")
    rider.press("Keep my current photo")
    rider.sees(LIVE)


def test_consent_comes_first_and_its_withdrawal_erases(
    new_page: Callable[..., RiderPage], samples: dict[str, Path], stack: Stack
) -> None:
    tab = new_page()
    tab.register()
    tab.open()
    tab.sign_in()
    tab.sees("Before your first photo")
    tab.press("Agree and go on")
    tab.reads("Tick the box if you agree.")
    tab.page.reload()
    tab.agree()
    tab.send(samples["obama_speaking"])
    tab.sees(ACCEPTED)

    tab.page.get_by_role("link", name="Privacy").click()
    tab.sees("Privacy")
    tab.press("Withdraw my consent")
    tab.press("Withdraw and erase")
    tab.sees("Before your first photo")
    tab.reads("Your consent is withdrawn")
    assert live_face(stack, tab) is None
    tab.press("No, sign me out")
    tab.sees("Sign in")


def test_whoever_reads_an_older_text_than_the_current_one_agrees_to_nothing(
    new_page: Callable[..., RiderPage],
) -> None:
    """A tab that was open while a new text was deployed shows the one that it began with."""
    tab = new_page()
    tab.register()

    def before(route: Route) -> None:
        older = route.fetch().text().replace(f'"{CONSENT_VERSION}"', '"older"', 1)
        route.fulfill(content_type="text/javascript", body=older)  # without the ETag of the current one

    tab.page.route("**/web/strings.en.js", before)
    tab.open()
    tab.sign_in()
    tab.sees("Before your first photo")
    tab.page.get_by_role("checkbox").check()
    tab.press("Agree and go on")
    tab.reads("This text has changed meanwhile.")
    tab.page.unroute("**/web/strings.en.js")
    with tab.page.expect_event("load"):
        tab.press("Reload the page")
    tab.agree()


def user_id(stack: Stack, tab: RiderPage) -> str:
    user = stack.client("cognito-idp").admin_get_user(
        UserPoolId=stack.endpoints.user_pool_id, Username=tab.email
    )
    return str(user["Username"])


def live_face(stack: Stack, tab: RiderPage) -> str | None:
    """The face of the rider's live item."""
    item = stack.client("dynamodb").get_item(
        TableName=stack.endpoints.rider_photo_table,
        Key={"Username": {"S": user_id(stack, tab)}},
        ConsistentRead=True,
    )
    face: str | None = item.get("Item", {}).get("faceId", {}).get("S")
    return face


def faces(stack: Stack) -> list[str]:
    found = stack.client("rekognition").list_faces(CollectionId=stack.endpoints.collection_id)
    return [face["FaceId"] for face in found["Faces"]]


def appeals(stack: Stack, tab: RiderPage) -> list[str]:
    rows = stack.client("dynamodb").query(
        TableName=stack.deployment.outputs["UploadsTable"],
        KeyConditionExpression="userId = :user",
        ExpressionAttributeValues={":user": {"S": user_id(stack, tab)}},
    )["Items"]
    return [row["appeal"]["S"] for row in rows if "appeal" in row]


def test_the_page_works_without_a_slash_at_its_end(new_page: Callable[..., RiderPage]) -> None:
    tab = new_page()
    tab.page.goto(tab.url.rstrip("/"))
    tab.sees("Sign in")
    tab.page.get_by_role("link", name="Create an account").click()
    tab.sees("Create your account")
    assert re.fullmatch(re.escape(tab.url) + "#/sign-up", tab.page.url)
