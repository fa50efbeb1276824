"""Clients of the embedded AWS, untouched by the AWS configuration of whoever runs this."""

from __future__ import annotations

import os
import threading
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from local.emulator import ACCESS_KEY, REGION, SECRET_KEY
from local.processes import base_environment

# It is on this machine: no proxy stands between.
_CONFIG = Config(proxies={}, max_pool_connections=32)
_making = threading.Lock()


@cache
def _session() -> boto3.Session:
    """A session with the embedded AWS's own credentials.

    The profile, the configuration files and the region of the user's environment are never read.
    """
    core = botocore.session.Session(
        session_vars={
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
    return boto3.Session(ACCESS_KEY, SECRET_KEY, region_name=REGION, botocore_session=core)


@cache
def client(service: str, endpoint: str) -> Any:
    """The boto3 client of the embedded AWS at that URL; for any thread."""
    # Sessions may not make clients in several threads at once, but clients may be shared.
    with _making:
        create: Any = _session().client
        return create(service, endpoint_url=endpoint, config=_CONFIG)


def environment_for(client_environment: dict[str, str]) -> dict[str, str]:
    """The user's environment for a program that works on the embedded AWS, with no AWS setting of theirs.

    What pip reads (its variables, proxies) stays, since that program may build the dependencies.

    Parameters
    ----------
    client_environment
        The variables that make boto3 talk to the embedded AWS.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | base_environment() | client_environment
