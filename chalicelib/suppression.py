"""Addresses that SES has on the account's suppression list: they bounced, or called a mail spam."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.clients import error_code
from chalicelib.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


def is_suppressed(address: str, ses: SESV2Client) -> bool:
    """Whether SES would take a mail to this address, and then not send it, as far as SES says so.

    SES answers about one such question a second, for the whole account. Where it does not, the mail is sent:
    SES suppresses by itself, and then only the upload's row doesn't tell.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        ses.get_suppressed_destination(EmailAddress=address)
    except (ClientError, BotoCoreError) as error:
        code = error_code(error)
        if code != "NotFoundException":
            # Not the error itself: the URL in it holds the address.
            logger.warning("suppression unknown", extra={"error": code or type(error).__name__})
        return False
    return True
