"""The whole stack on one machine: face service, embedded AWS, and the app deployed onto it."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import BotoCoreError

from deploy import Deployment, Progress
from deploy.functions import API_HANDLER, START_PROCESSING, Names
from local import aws, web
from local.deployment import STAGE, deploy_app
from local.emulator import SAVE_SECONDS, Emulator
from local.endpoints import Endpoints
from local.places import CACHE
from local.processes import LOOPBACK, ProcessError, free_port, port_as_before
from local.rekognition.process import FaceService
from local.rekognition.weights import ensure_weights
from local.staging import api_stage, keep_packages, stage_app

SENDER = "photos@wildrydes.example"
# Nearly every upload asks both for a face call: with one worker each, engines were idle in a burst.
_BUSIEST = ("detect_faces", "search_face")
# Those that a photo needs, in the order in which it does.
_OF_A_PHOTO = (
    API_HANDLER,
    START_PROCESSING,
    "detect_faces",
    "search_face",
    "index_face",
    "make_thumbnail",
    "confirm_face",
    "retire_replaced",
    "notify_rider",
    "undo",
)
_LOG_LINES = 20
# What a request raises, our own or boto3's, when nobody answers it.
_UNANSWERED = (OSError, HTTPException, BotoCoreError)
_ENDING_SECONDS, _LOOK_SECONDS = 2.0, 0.05


class NotKeptError(ProcessError):
    """What was uploaded to a stack that persists is not on disk."""


def _workers(of_each: int) -> str:
    busiest = (f"{Names(STAGE).function(name)}={max(2, of_each)}" for name in _BUSIEST)
    return " ".join((str(of_each), *busiest))


@dataclass(frozen=True)
class Directories:
    """Where a stack keeps what it needs.

    Attributes
    ----------
    data
        State and logs.
    app
        The staged copy of the app; made anew at each start.
    cache
        Downloads, weights and built dependencies, shared by all stacks.
    """

    data: Path
    app: Path
    cache: Path = CACHE


@dataclass(frozen=True)
class Mail:
    """A mail that the embedded AWS was asked to send."""

    to: tuple[str, ...]
    sender: str
    subject: str
    text: str
    html: str


class Stack:
    """Face service, embedded AWS and the deployed app; a context manager.

    Parameters
    ----------
    progress
        Hears of each step of the start.
    persist
        Keep in `directories.data` what riders uploaded, and find it again at the next start. The
        port stays the same then, if nobody else has taken it.
    rekognition_url
        Where the embedded AWS asks for faces, if not at the face service itself: a proxy before it.
    workers_per_function
        How many invocations of a function run at once; the others wait. The two busiest have two at least.
    smtp_server
        Host and port of a mail server that gets each mail too; without one mails can only be listed.
    authorization_log
        Gets each decision of IAM on a function's call, a JSON object a line; without one none is kept.
    """

    def __init__(
        self,
        directories: Directories,
        progress: Progress,
        *,
        persist: bool = False,
        rekognition_url: str | None = None,
        workers_per_function: int = 1,
        smtp_server: str | None = None,
        authorization_log: Path | None = None,
    ) -> None:
        self._directories = directories
        self._progress = progress
        self._persist = persist
        data = directories.data
        data.mkdir(parents=True, exist_ok=True)
        port = port_as_before(data / "port") if persist else free_port()
        # Each must know the other's address before either starts.
        self.face_service = FaceService(data / "faces", directories.cache, f"http://{LOOPBACK}:{port}")
        self._emulator = Emulator(
            data / "aws",
            rekognition_url or self.face_service.url,
            port=port,
            persist=persist,
            extra_env={
                "LAMBDA_WORKERS_PER_FUNCTION": _workers(workers_per_function),
                **({"SMTP_HOST": smtp_server} if smtp_server else {}),
                "AUTH": "true",
                **({"AUTHORIZATION_LOG": str(authorization_log)} if authorization_log else {}),
            },
        )
        self._deployment: Deployment | None = None
        self._running = ExitStack()

    @property
    def pids(self) -> list[int]:
        """Process ids of the two children, while they run."""
        return [pid for pid in (self.face_service.pid, self._emulator.pid) if pid is not None]

    @property
    def app_directory(self) -> Path:
        """The staged copy of the app that is deployed."""
        return self._directories.app

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment for a program that works on this stack, `python -m deploy` say."""
        return aws.environment_for(self._emulator.client_environment())

    @property
    def deployment(self) -> Deployment:
        """What is deployed, once `start` is done."""
        if self._deployment is None:
            raise ProcessError("The stack has not been started.")
        return self._deployment

    @property
    def endpoints(self) -> Endpoints:
        """Where it can be reached, once `start` is done."""
        return Endpoints.of(self._emulator.endpoint, self.deployment, api_stage(self.app_directory))

    def start(self) -> Endpoints:
        """Bring everything up, in order; whatever fails, nothing is left running.

        Raises
        ------
        DownloadError, WeightsError
            If the face models cannot be had.
        ProcessError, DeployError
            If a process ends or the deployment fails, with the end of its log.
        """
        with ExitStack() as started:
            self._progress.step("Preparing the face models")
            ensure_weights(self._directories.cache, self._progress.detail)
            self._progress.step("Starting the face service and the embedded AWS")
            started.enter_context(self.face_service)
            started.enter_context(self._emulator)
            (self._directories.data / "port").write_text(f"{self._emulator.port}\n")
            self._verify_sender()
            packages = self._directories.cache / "packages"
            stage_app(self.app_directory, packages)
            self._deployment = deploy_app(self.app_directory, SENDER, self.environment, self._progress)
            names = Names(self._deployment.stage)
            self._emulator.start_workers([names.function(name) for name in _OF_A_PHOTO])
            keep_packages(self.app_directory, packages)
            self._running = started.pop_all()
        return self.endpoints

    def stop(self) -> None:
        """End both children; with `persist` the state is on disk afterwards.

        Raises
        ------
        NotKeptError
            If it isn't, because the embedded AWS had to be killed.
        """
        self._running.close()
        if self._persist and self._emulator.was_killed:
            raise NotKeptError(
                f"The embedded AWS did not end within {SAVE_SECONDS:g} s and was killed: what was uploaded "
                "since the start is not kept. `python -m local reset` starts fresh."
            )

    def check(self) -> None:
        """Raise a ProcessError, with the end of its log, if one of the children has ended."""
        for name, child in (("face service", self.face_service), ("embedded AWS", self._emulator)):
            code = child.poll()
            if code is not None:
                tail = child.log_file.read_text(errors="replace").splitlines()[-_LOG_LINES:]
                raise ProcessError(
                    f"The {name} ended by itself with exit code {code}. Its log, {child.log_file}, ends:\n"
                    + "\n".join(tail)
                )

    def client(self, service: str) -> Any:
        """A boto3 client of the embedded AWS."""
        return aws.client(service, self._emulator.endpoint)

    def mails(self) -> list[Mail]:
        """All mails sent since the start, oldest first."""
        answer = web.request("GET", f"{self._emulator.endpoint}/_ministack/ses/messages")
        found = [message for messages in answer.json()["messages"].values() for message in messages]
        return [
            Mail(tuple(mail["To"]), mail["Source"], mail["Subject"], mail["BodyText"], mail["BodyHtml"])
            for mail in sorted(found, key=lambda mail: float(mail["Timestamp"]))
        ]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, _UNANSWERED):
                self._check_soon()
        finally:
            self.stop()

    def _check_soon(self) -> None:
        """Raise the ProcessError of a child that is just ending: its connections are cut before it has."""
        deadline = time.monotonic() + _ENDING_SECONDS
        while time.monotonic() < deadline:
            self.check()
            time.sleep(_LOOK_SECONDS)

    def _verify_sender(self) -> None:
        """Do what a person does once at AWS; a persisted state has done it."""
        ses = self.client("sesv2")
        with suppress(ses.exceptions.AlreadyExistsException):
            ses.create_email_identity(EmailIdentity=SENDER)
