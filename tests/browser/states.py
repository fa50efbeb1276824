"""Each state that the page can be in, reached with an API that answers as told: for looking and for axe.

The page, its files and its content security policy are the deployed ones; only the answers are made up.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Page, Route

from chalicelib.consent import CONSENT_VERSION
from tests.browser.drawn import FACE_SVG
from tests.browser.riding import RiderPage

_UPLOAD = "01a2045c-1468-723d-bdd9-8dada359e8f1"
_FACE = "/web/drawn-face.svg"
REASONS = (
    "NO_FACE",
    "MULTIPLE_FACES",
    "SUNGLASSES",
    "FACE_NOT_CLEAR",
    "FACE_ALREADY_EXISTS",
    "FACE_CHANGED",
    "UNSUPPORTED_FORMAT",
    "IMAGE_TOO_LARGE",
    "IMAGE_UNREADABLE",
)


@dataclass
class Answers:
    """What the API of one page says."""

    consent: bool = True
    has_photo: bool = False
    upload: dict[str, Any] = field(default_factory=lambda: {"status": "processing"})
    form: tuple[int, Mapping[str, str]] | None = None
    uploads_hang: bool = False
    erasing_hangs: bool = False


def answer_as_told(tab: RiderPage, answers: Answers) -> None:
    """Put made-up answers in the place of the API's, and of the bucket's."""
    api = tab.stack.endpoints.api_url
    face = api + _FACE

    def reply(route: Route, body: object = None, status: int = 200, **headers: str) -> None:
        route.fulfill(status=status, body="" if body is None else json.dumps(body), headers=headers)

    def consent(route: Route) -> None:
        if route.request.method == "GET":
            reply(route, {"version": CONSENT_VERSION, "given": answers.consent})
        else:
            reply(route, status=204)

    def photo(route: Route) -> None:
        if route.request.method == "DELETE":
            if not answers.erasing_hangs:
                answers.has_photo = False
                reply(route, status=204)
        elif answers.has_photo:
            live = {"thumbnailUrl": face, "avatarUrl": face, "acceptedAt": "2026-05-04T09:30:00Z"}
            reply(route, {"uploadId": _UPLOAD, **live})
        else:
            reply(route, {"Code": "NotFoundError", "Message": "You have no photo."}, 404)

    def create(route: Route) -> None:
        if answers.form:
            status, headers = answers.form
            reply(route, {"Code": "TooManyRequestsError", "Message": "too many"}, status, **headers)
            return
        upload = {"url": f"{api}/bucket", "fields": {"key": "k"}}
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 900))
        form = {"uploadId": _UPLOAD, "upload": upload, "expiresAt": expires, "maxBytes": 1}
        reply(route, form, 201)

    def bucket(route: Route) -> None:
        if not answers.uploads_hang:
            reply(route, status=204)

    def view(route: Route) -> None:
        blank = {"reason": None, "message": None, "thumbnailUrl": None, "avatarUrl": None, "appealed": False}
        shown = {"thumbnailUrl": face, "avatarUrl": face} if answers.upload["status"] == "accepted" else {}
        reply(route, blank | shown | answers.upload)

    page = tab.page
    page.route(f"{api}/consent", consent)
    page.route(f"{api}/photo", photo)
    page.route(f"{api}/uploads", create)
    page.route(f"{api}/bucket", bucket)
    page.route(f"{api}/uploads/*", view)
    page.route(face, lambda route: route.fulfill(body=FACE_SVG, content_type="image/svg+xml"))


def pretend_signed_in(page: Page, *, upload: bool = False) -> None:
    """Give the tab tokens that only made-up answers take, and an upload that it knows."""
    claims = base64.urlsafe_b64encode(b'{"sub":"1","email":"rider@wildrydes.example"}').decode().rstrip("=")
    now = int(time.time() * 1000)
    session = {
        "idToken": f"e30.{claims}.e30",
        "refreshToken": "r",
        "expiresAt": now + 3_600_000,
        "signedInAt": now,
        "userId": "1",
        "email": "rider@wildrydes.example",
    }
    stored = {"rider-photos.session": json.dumps(session)}
    if upload:
        stored["rider-photos.upload"] = json.dumps({"uploadId": _UPLOAD, "sent": True})
    page.add_init_script(f"if (!sessionStorage.length) Object.assign(sessionStorage, {json.dumps(stored)})")


def _signed_out(route: str, heading: str, email: bool = False) -> Callable[[RiderPage], None]:
    def reach(tab: RiderPage) -> None:
        if email:
            tab.page.add_init_script(
                "sessionStorage.setItem('rider-photos.email', 'rider@wildrydes.example')"
            )
        tab.page.goto(f"{tab.url}#/{route}")
        tab.sees(heading)

    return reach


def _wrong_fields(tab: RiderPage) -> None:
    _signed_out("sign-up", "Create your account")(tab)
    tab.fill("E-mail address", "rider")
    tab.press("Create account")
    tab.reads("This does not look like an e-mail address.")


def _signed_in(
    heading: str, *, route: str = "", then: Callable[[RiderPage], None] | None = None, **answers: Any
) -> Callable[[RiderPage], None]:
    def reach(tab: RiderPage) -> None:
        told = Answers(**answers)
        answer_as_told(tab, told)
        pretend_signed_in(tab.page, upload="upload" in answers)
        tab.page.goto(f"{tab.url}#/{route}")
        tab.sees(heading)
        if then:
            then(tab)

    return reach


def _rejected(reason: str, heading: str, **more: Any) -> Callable[[RiderPage], None]:
    return _signed_in(heading, upload={"status": "rejected", "reason": reason} | more, has_photo=False)


def _choose_wrong(tab: RiderPage) -> None:
    tab.choose(b"just words", "words.txt")
    tab.reads("This is not a photo that we can read. Please choose a JPEG or PNG.")


def _preview(tab: RiderPage) -> None:
    tab.choose(_drawn_png(tab.page), "me.png")
    tab.sees("Is this you at your best?")


def _sending(tab: RiderPage) -> None:
    _preview(tab)
    tab.press("Use this photo")
    tab.sees("Sending your photo")


def _too_many(tab: RiderPage) -> None:
    _preview(tab)
    tab.press("Use this photo")
    tab.sees("Your photo did not get through")


def _appeal(tab: RiderPage) -> None:
    tab.press("This is a mistake")
    tab.sees("Tell us what is wrong")
    tab.fill("Your note to us", "I have a twin sister who rides with you too.")


def _ask_to_erase(tab: RiderPage) -> None:
    tab.press("Erase my photo")
    tab.reads("Erase your photo?")


def _erase(tab: RiderPage) -> None:
    _ask_to_erase(tab)
    tab.press("Erase it")
    tab.reads("Erasing your photo")


def _drawn_png(page: Page) -> bytes:
    """The drawn face as a PNG, so that no photo of anybody is on any screenshot."""
    other = page.context.new_page()
    other.set_viewport_size({"width": 600, "height": 600})
    other.set_content(FACE_SVG.replace('width="300" height="300"', 'width="600" height="600"'))
    picture = other.locator("svg").screenshot()
    other.close()
    return picture


# Name, and how it is reached.
STATES: Mapping[str, Callable[[RiderPage], None]] = {
    "sign-in": _signed_out("sign-in", "Sign in"),
    "sign-up": _signed_out("sign-up", "Create your account"),
    "sign-up-wrong": _wrong_fields,
    "confirm": _signed_out("confirm", "Confirm your address", email=True),
    "forgot": _signed_out("forgot", "Forgot your password?"),
    "reset": _signed_out("reset", "Choose a new password", email=True),
    "consent": _signed_in("Before your first photo", consent=False),
    "choose": _signed_in("Add your photo"),
    "choose-wrong-file": _signed_in("Add your photo", then=_choose_wrong),
    "preview": _signed_in("Add your photo", then=_preview),
    "sending": _signed_in("Add your photo", then=_sending, uploads_hang=True),
    "too-many": _signed_in("Add your photo", then=_too_many, form=(429, {"Retry-After": "720"})),
    "watching": _signed_in("Looking at your photo", upload={"status": "processing"}),
    "accepted": _signed_in("Your unicorn knows you now", upload={"status": "accepted"}, has_photo=True),
    "live": _signed_in("Your photo", has_photo=True),
    "erase": _signed_in("Your photo", has_photo=True, then=_ask_to_erase),
    "erasing": _signed_in("Your photo", has_photo=True, then=_erase, erasing_hangs=True),
    "rejected-sunglasses": _rejected("SUNGLASSES", "Please take your sunglasses off"),
    "rejected-unclear": _rejected(
        "FACE_NOT_CLEAR", "Your face is blurred", message="Face is not clear: the face is blurred."
    ),
    "rejected-taken": _rejected("FACE_ALREADY_EXISTS", "This face already has an account"),
    "appeal": _signed_in(
        "This face already has an account",
        upload={"status": "rejected", "reason": "FACE_ALREADY_EXISTS"},
        then=_appeal,
    ),
    "appealed": _rejected("FACE_ALREADY_EXISTS", "This face already has an account", appealed=True),
    "failed": _signed_in("Something went wrong on our side", upload={"status": "failed"}),
    "superseded": _signed_in("A newer photo took its place", upload={"status": "superseded"}),
    "privacy": _signed_in("Privacy", route="privacy", has_photo=True),
}
