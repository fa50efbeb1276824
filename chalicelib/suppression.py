"""Addresses that SES has on the account's suppression list: they bounced, or called a mail spam."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.clients import error_code, is_transient
from chalicelib.errors import ServiceUnavailableError
from chalicelib.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client


def is_suppressed(address: str, ses: SESV2Client) -> bool:
    """Whether SES would take a mail to this address, and then not send it.

    Raises
    ------
    ServiceUnavailableError
        If SES can't tell at the moment; nothing was sent.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        ses.get_suppressed_destination(EmailAddress=address)
    except ClientError as error:
        if error_code(error) == "NotFoundException":
            return False
        if is_transient(error):
            raise ServiceUnavailableError("SES cannot tell whether the address is suppressed.") from error
        # Refused for good: the mail matters more than to know what becomes of it.
        logger.warning("suppression unknown", extra={"error": error_code(error)})
        return False
    except BotoCoreError as error:
        raise ServiceUnavailableError("SES does not answer.") from error
    return True
