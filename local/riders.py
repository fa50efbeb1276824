"""Riders of the embedded AWS: they sign up, upload a photo and ask what became of it, all for real."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from local import aws, web
from local.endpoints import Endpoints

MAIL_DOMAIN = "wildrydes.example"
TERMINAL = frozenset({"accepted", "rejected", "failed", "superseded"})
_POLL_SECONDS = 0.05
_PNG = b"\x89PNG\r\n\x1a\n"


class RiderError(Exception):
    """The API or the user pool answered as it never should."""


class FormRefusedError(Exception):
    """S3 refused the presigned form.

    Attributes
    ----------
    code
        S3's error code, EntityTooLarge say.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True)
class Upload:
    """A form that was minted: where to post the file, and under which uploadId it is known."""

    upload_id: str
    url: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Rider:
    """A rider who is signed in."""

    user_id: str
    email: str
    api_url: str
    id_token: str

    def call(self, method: str, path: str, body: bytes | None = None) -> web.Answer:
        """Call the API with the rider's ID token."""
        headers = {"Authorization": self.id_token, "Content-Type": "application/json"}
        return web.request(method, f"{self.api_url}{path}", body=body, headers=headers)

    def consent(self) -> None:
        """Agree to the processing of the face, `POST /consent` with the version that `GET /consent` gives.

        Raises
        ------
        RiderError
            If the API does not take it.
        """
        version = self.call("GET", "/consent").json().get("version")
        answer = self.call("POST", "/consent", json.dumps({"version": version}).encode())
        if answer.status != 204:
            raise RiderError(f"POST /consent answered {answer.status}: {_excerpt(answer)}")

    def create_upload(self, content_type: str) -> Upload:
        """Ask for a form, `POST /uploads`.

        Raises
        ------
        RiderError
            If there is none.
        """
        answer = self.call("POST", "/uploads", f'{{"contentType": "{content_type}"}}'.encode())
        if answer.status != 201:
            raise RiderError(f"POST /uploads answered {answer.status}: {_excerpt(answer)}")
        form = answer.json()
        return Upload(form["uploadId"], form["upload"]["url"], form["upload"]["fields"])

    def view(self, upload_id: str) -> dict[str, Any]:
        """What became of an upload, `GET /uploads/{uploadId}`.

        Raises
        ------
        RiderError
            If the API doesn't say.
        """
        answer = self.call("GET", f"/uploads/{upload_id}")
        if answer.status != 200:
            raise RiderError(f"GET /uploads/{upload_id} answered {answer.status}: {_excerpt(answer)}")
        view: dict[str, Any] = answer.json()
        return view

    def wait_for_outcome(
        self, upload_id: str, seconds: float, check: Callable[[], None] = lambda: None
    ) -> dict[str, Any] | None:
        """The upload's view once its status is terminal; None if it isn't in that time.

        Parameters
        ----------
        check
            Called at each look; whatever it raises ends the wait.
        """
        deadline = time.monotonic() + seconds
        while True:
            check()
            view = self.view(upload_id)
            if view["status"] in TERMINAL:
                return view
            if time.monotonic() > deadline:
                return None
            time.sleep(_POLL_SECONDS)


def sign_in_newcomer(endpoints: Endpoints, email: str) -> Rider:
    """Sign a rider up in the user pool, confirm and sign in; nothing is agreed to yet."""
    cognito = aws.client("cognito-idp", endpoints.aws_endpoint)
    password = f"Aa1!{secrets.token_urlsafe(18)}"
    client_id = endpoints.user_pool_client_id
    user_id = cognito.sign_up(
        ClientId=client_id,
        Username=email,
        Password=password,
        UserAttributes=[{"Name": "email", "Value": email}],
    )["UserSub"]
    # What a rider does with the code in the pool's mail: that confirms the account and the address.
    pool = {"UserPoolId": endpoints.user_pool_id, "Username": email}
    cognito.admin_confirm_sign_up(**pool)
    cognito.admin_update_user_attributes(**pool, UserAttributes=[{"Name": "email_verified", "Value": "true"}])
    tokens = cognito.initiate_auth(
        ClientId=client_id,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": email, "PASSWORD": password},
    )
    return Rider(user_id, email, endpoints.api_url, tokens["AuthenticationResult"]["IdToken"])


def sign_up(endpoints: Endpoints, email: str) -> Rider:
    """Sign a rider up who agrees to the processing of the face, as all do who upload."""
    rider = sign_in_newcomer(endpoints, email)
    rider.consent()
    return rider


def post_photo(upload: Upload, photo: bytes) -> None:
    """Post the file by its form.

    Raises
    ------
    FormRefusedError
        If S3 does not take it.
    """
    answer = web.post_form(upload.url, upload.fields, photo)
    if not 200 <= answer.status < 300:
        code, message = (_element(answer.body, name) for name in ("Code", "Message"))
        raise FormRefusedError(code or f"HTTP {answer.status}", message or "no message")


def content_type_of(photo: bytes) -> str:
    """The content type to ask a form for: by the file's first bytes; JPEG for what is no image."""
    return "image/png" if photo.startswith(_PNG) else "image/jpeg"


def _element(xml: bytes, name: str) -> str | None:
    text = xml.decode(errors="replace")
    inside = text.partition(f"<{name}>")[2].partition(f"</{name}>")[0]
    return inside or None


def _excerpt(answer: web.Answer) -> str:
    return answer.body[:300].decode(errors="replace")
