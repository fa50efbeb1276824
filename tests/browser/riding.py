"""The page as a rider uses it: what they read and press, never what it is made of."""

from __future__ import annotations

import json
import re
from pathlib import Path

from playwright.sync_api import ConsoleMessage, FilePayload, Page, expect

from local.riders import Rider
from local.stack import Stack
from tests.browser.drawn import landscape

PASSWORD = "Over-the-hills-2026"
PHONE = {"width": 390, "height": 844}

CHOOSE = "Add your photo"
ACCEPTED = "Your unicorn knows you now"
LIVE = "Your photo"
WATCHING = "Looking at your photo"
SENDING = "Sending your photo"


class RiderPage:
    """One tab of one rider.

    Attributes
    ----------
    errors
        What the console complained of: a script that failed, a policy that was broken.
    """

    def __init__(self, page: Page, stack: Stack, email: str) -> None:
        self.page = page
        self.stack = stack
        self.email = email
        self.errors: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    @property
    def url(self) -> str:
        """The page's address."""
        return self.stack.endpoints.api_url + "/"

    def _on_console(self, message: ConsoleMessage) -> None:
        # An answer of 4xx is logged by Chromium itself: no fault of the page's.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.errors.append(message.text)

    def open(self) -> None:
        """Go to the page, as a new visitor or by a reload."""
        self.page.goto(self.url)

    def sees(self, heading: str, seconds: float = 40) -> None:
        """Wait for a view, whose heading then has the focus."""
        title = self.page.get_by_role("heading", level=1, name=heading, exact=True)
        expect(title).to_be_visible(timeout=seconds * 1000)
        expect(title).to_be_focused()

    def reads(self, words: str | re.Pattern[str], seconds: float = 20) -> None:
        """Wait for words to be shown."""
        expect(self.page.get_by_text(words).filter(visible=True).first).to_be_visible(timeout=seconds * 1000)

    def press(self, label: str) -> None:
        """Press a button of exactly that name."""
        self.page.get_by_role("button", name=label, exact=True).click()

    def fill(self, label: str, value: str) -> None:
        """Type into a field."""
        self.page.get_by_label(label, exact=True).fill(value)

    def code(self, number: int = 1) -> str:
        """Wait for so many mails of the user pool to this rider; the code in the newest."""
        found: list[str] = []
        for _ in range(100):
            texts = [m.text or m.html for m in self.stack.mails() if self.email in m.to]
            found = [code for text in texts for code in re.findall(r"\b\d{6}\b", text)]
            if len(found) >= number:
                return found[-1]
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{len(found)} codes came, not {number}")

    def sign_up(self) -> None:
        """From nothing to the question for consent, with the code from the mail."""
        self.open()
        self.page.get_by_role("link", name="Create an account").click()
        self.sees("Create your account")
        self.fill("E-mail address", self.email)
        self.fill("Password", PASSWORD)
        self.press("Create account")
        self.sees("Confirm your address")
        self.fill("Code from our mail", self.code())
        self.press("Confirm")
        self.sees("Before your first photo")

    def register(self) -> None:
        """Make the rider's account behind the page's back, as many tests begin there."""
        cognito = self.stack.client("cognito-idp")
        endpoints = self.stack.endpoints
        cognito.sign_up(
            ClientId=endpoints.user_pool_client_id,
            Username=self.email,
            Password=PASSWORD,
            UserAttributes=[{"Name": "email", "Value": self.email}],
        )
        pool = {"UserPoolId": endpoints.user_pool_id, "Username": self.email}
        cognito.admin_confirm_sign_up(**pool)

    def sign_in(self) -> None:
        """Sign in with the password of the sign-up."""
        self.sees("Sign in")
        self.fill("E-mail address", self.email)
        self.fill("Password", PASSWORD)
        self.press("Sign in")

    def agree(self) -> None:
        """Read what happens to the photo, and give the consent."""
        self.sees("Before your first photo")
        self.page.get_by_role("checkbox").check()
        self.press("Agree and go on")
        self.sees(CHOOSE)

    def choose(self, photo: Path | bytes | None = None, name: str = "photo.jpg") -> None:
        """Choose a file, a drawn landscape if none is named."""
        file: Path | FilePayload = (
            photo
            if isinstance(photo, Path)
            else {"name": name, "mimeType": "image/jpeg", "buffer": landscape() if photo is None else photo}
        )
        self.page.locator("#files").set_input_files(file)

    def send(self, photo: Path | bytes | None = None) -> None:
        """Choose a photo and use it."""
        self.choose(photo)
        self.sees("Is this you at your best?")
        self.press("Use this photo")

    def picture_is_shown(self, name: str) -> None:
        """Wait until an image is loaded, and not only there."""
        image = self.page.get_by_role("img", name=name, exact=True)
        expect(image).to_be_visible()
        image.evaluate("image => image.decode()")
        assert image.evaluate("image => image.naturalWidth") > 0

    def send_replacement(self, photo: Path) -> None:
        """From the live photo to a new one."""
        self.press("Replace the photo")
        self.sees("Replace your photo")
        self.send(photo)


def ready(tab: RiderPage) -> RiderPage:
    """A rider who has signed in and agreed, before the first photo; how is for other tests to show."""
    tab.register()
    tokens = tab.stack.client("cognito-idp").initiate_auth(
        ClientId=tab.stack.endpoints.user_pool_client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": tab.email, "PASSWORD": PASSWORD},
    )["AuthenticationResult"]
    Rider("", tab.email, tab.stack.endpoints.api_url, tokens["IdToken"]).consent()
    tab.page.add_init_script(
        # Once: a rider who signs out stays signed out.
        "if (!localStorage.getItem('begun')) {"
        " localStorage.setItem('begun', 'yes');"
        f" const tokens = {json.dumps(tokens, default=str)}, at = Date.now();"
        " const session = {idToken: tokens.IdToken, refreshToken: tokens.RefreshToken, signedInAt: at,"
        " expiresAt: at + 3600_000, userId: JSON.parse(atob(tokens.IdToken.split('.')[1]"
        ".replace(/-/g, '+').replace(/_/g, '/'))).sub, email: 'rider@wildrydes.example'};"
        " sessionStorage.setItem('rider-photos.session', JSON.stringify(session)); }"
    )
    tab.open()
    tab.sees(CHOOSE)
    return tab
