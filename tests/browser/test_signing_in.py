"""Codes, passwords, tokens, the hosted login, and two tabs."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Route, expect

from local.stack import Stack
from tests.browser.riding import CHOOSE, PASSWORD, RiderPage

_NEW_PASSWORD = "Under-the-rainbow-7"
_SESSION = "JSON.parse(sessionStorage.getItem('rider-photos.session'))"


def test_a_code_is_sent_again_and_survives_a_reload_of_the_page(new_page: Callable[..., RiderPage]) -> None:
    tab = new_page()
    tab.page.goto(f"{tab.url}#/sign-up")
    tab.sees("Create your account")
    tab.fill("E-mail address", tab.email)
    tab.fill("Password", "short")
    tab.press("Create account")
    tab.reads("The password needs at least 12 characters")
    tab.fill("Password", PASSWORD)
    tab.press("Create account")
    tab.sees("Confirm your address")
    tab.press("Send a new code")
    tab.reads("A new code is on its way.")
    code = tab.code(2)
    # A phone drops the page while its owner reads the mail.
    tab.page.reload()
    tab.sees("Confirm your address")
    tab.fill("Code from our mail", code)
    tab.press("Confirm")
    tab.reads("Your address is confirmed. Now sign in.")
    tab.fill("Password", PASSWORD)
    tab.press("Sign in")
    tab.sees("Before your first photo")


def test_a_rider_who_never_confirmed_is_led_to_the_code(new_page: Callable[..., RiderPage]) -> None:
    tab = new_page()
    tab.stack.client("cognito-idp").sign_up(
        ClientId=tab.stack.endpoints.user_pool_client_id,
        Username=tab.email,
        Password=PASSWORD,
        UserAttributes=[{"Name": "email", "Value": tab.email}],
    )
    tab.open()
    tab.sign_in()
    tab.sees("Confirm your address")
    tab.fill("Code from our mail", tab.code(2))
    tab.press("Confirm")
    tab.sees("Before your first photo")


def test_a_forgotten_password_is_replaced(new_page: Callable[..., RiderPage]) -> None:
    tab = new_page()
    tab.register()
    tab.open()
    tab.sees("Sign in")
    tab.fill("E-mail address", tab.email)
    tab.fill("Password", "Not-the-password-1")
    tab.press("Sign in")
    tab.reads("The e-mail address or the password is not right.")
    tab.page.get_by_role("link", name="Forgot your password?").click()
    tab.sees("Forgot your password?")
    tab.fill("E-mail address", tab.email)
    tab.press("Send the code")
    tab.sees("Choose a new password")
    tab.fill("Code from our mail", tab.code(2))  # the first was the sign-up's
    tab.fill("New password", _NEW_PASSWORD)
    tab.press("Change the password")
    tab.reads("Your password is changed.")
    tab.fill("Password", _NEW_PASSWORD)
    tab.press("Sign in")
    tab.sees("Before your first photo")


def test_a_wrong_code_is_said_so(new_page: Callable[..., RiderPage]) -> None:
    tab = new_page()
    refused = {"__type": "CodeMismatchException", "message": "Invalid verification code provided."}

    def refuse_codes(route: Route) -> None:
        # The embedded AWS takes any code.
        if route.request.headers.get("x-amz-target", "").endswith(".ConfirmSignUp"):
            route.fulfill(status=400, body=json.dumps(refused))
        else:
            route.fallback()

    tab.page.route(f"{tab.stack.endpoints.aws_endpoint}/", refuse_codes)
    tab.page.add_init_script("sessionStorage.setItem('rider-photos.email', 'a@wildrydes.example')")
    tab.page.goto(f"{tab.url}#/confirm")
    tab.sees("Confirm your address")
    tab.fill("Code from our mail", "000000")
    tab.press("Confirm")
    tab.reads("This is not the code that we sent.")
    expect(tab.page.get_by_label("Code from our mail")).to_be_focused()


def test_tokens_are_renewed_before_they_expire_and_after_a_401(rider: RiderPage) -> None:
    page = rider.page
    first = page.evaluate(f"{_SESSION}.idToken")
    page.evaluate(
        f"() => {{ const s = {_SESSION}; s.expiresAt = Date.now() + 30_000;"
        " sessionStorage.setItem('rider-photos.session', JSON.stringify(s)); }"
    )
    rider.open()
    rider.sees(CHOOSE)
    second = page.evaluate(f"{_SESSION}.idToken")
    assert second != first

    # A clock that is wrong, or a revoked token: the API refuses what looks valid.
    page.evaluate(
        f"() => {{ const s = {_SESSION}; s.idToken = s.idToken.slice(0, -8) + 'AAAAAAAA';"
        " sessionStorage.setItem('rider-photos.session', JSON.stringify(s)); }"
    )
    with page.expect_response(lambda answer: answer.status == 401):
        rider.open()
    rider.sees(CHOOSE)
    assert page.evaluate(f"{_SESSION}.idToken") not in {first, second}


def test_a_session_that_cannot_be_renewed_leads_to_the_sign_in(rider: RiderPage) -> None:
    rider.page.evaluate(
        f"() => {{ const s = {_SESSION}; s.expiresAt = 0; s.refreshToken = 'gone';"
        " sessionStorage.setItem('rider-photos.session', JSON.stringify(s)); }"
    )
    rider.open()
    rider.sees("Sign in")
    rider.reads("You are signed out. Please sign in again to go on.")


def test_a_sign_out_reaches_the_other_tab(new_page: Callable[..., RiderPage], rider: RiderPage) -> None:
    other = new_page(beside=rider)
    other.open()
    other.sign_in()
    other.sees(CHOOSE)
    refresh_token = rider.page.evaluate(f"{_SESSION}.refreshToken")
    rider.press("Sign out")
    rider.sees("Sign in")
    expect(other.page.get_by_role("heading", level=1)).to_have_text("Sign in")
    for tab in (rider, other):
        assert tab.page.evaluate("sessionStorage.getItem('rider-photos.session')") is None
    assert refresh_token
    # Whoever signs in again stays signed in.
    other.sign_in()
    other.sees(CHOOSE)
    other.open()
    other.sees(CHOOSE)


def test_the_hosted_login_is_used_with_pkce_where_the_stage_has_one(
    new_page: Callable[..., RiderPage], stack: Stack
) -> None:
    tab = new_page()
    tab.register()
    endpoints = stack.endpoints
    cognito = stack.client("cognito-idp")
    client_id = cognito.create_user_pool_client(
        UserPoolId=endpoints.user_pool_id,
        ClientName="hosted",
        AllowedOAuthFlows=["code"],
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthScopes=["openid", "email"],
        CallbackURLs=[tab.url],
        LogoutURLs=[tab.url],
        SupportedIdentityProviders=["COGNITO"],
        ExplicitAuthFlows=["ALLOW_REFRESH_TOKEN_AUTH"],
    )["UserPoolClient"]["ClientId"]

    def with_hosted_login(route: Route) -> None:
        answer = route.fetch()
        hosted = {"hostedLogin": endpoints.aws_endpoint, "userPoolClientId": client_id}
        route.fulfill(response=answer, json=answer.json() | hosted)

    tab.page.route("**/web/config.json", with_hosted_login)
    tab.open()
    tab.sees("Sign in")
    with tab.page.expect_navigation(url="**/oauth2/authorize**"):
        tab.press("Sign in or create an account")
    query = parse_qs(urlsplit(tab.page.url).query)
    assert query["code_challenge_method"] == ["S256"]
    assert query["response_type"] == ["code"]
    tab.page.locator("input[name=username]").fill(tab.email)
    tab.page.locator("input[name=password]").fill(PASSWORD)
    with tab.page.expect_request("**/oauth2/token") as exchange:
        tab.page.locator("button[type=submit], input[type=submit]").first.click()
    assert "code_verifier=" in (exchange.value.post_data or "")
    tab.sees("Before your first photo")
    assert "code=" not in tab.page.url

    # An answer to a question that this page never asked, as a forged link makes it.
    tab.page.goto(f"{tab.url}?code=stolen&state=forged")
    tab.reads("The sign-in did not complete.")
