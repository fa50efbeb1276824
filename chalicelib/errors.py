"""Errors of the pipeline. A class name is an error name of the state machine.

RiderPhotoError
├── PhotoDoesNotMeetRequirementError   the rider can do better: carries a Reason
├── FaceAlreadyExistsError             another rider holds this face
├── UndecidedRivalError                an older upload of this face is not decided yet: retry
├── FaceNotVisibleYetError             the collection doesn't show a face it has just taken: retry
├── SupersededError                    the rider has a newer photo, or was erased
├── UploadEndedError                   the upload was decided before, or is another execution's
├── RiderNotToldError                  an upload is decided, and its mail has to wait: retry
├── ServiceUnavailableError            a service is busy or down: the same call may succeed later
├── InvalidInputError                  the execution's input or the event cannot be understood
├── PhotoNotFoundError                 the object, or the version of it, is not in the bucket
├── ConsentMissingError                the rider has not agreed that the face is processed
├── TooManyUploadsError                the rider asked for more forms than a window allows
├── AppealRefusedError                 the upload can't be appealed, or was before
├── PhotoGoneError                     the photo to be looked at again is not kept any more
└── SettingsError                      a setting is missing or makes no sense
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.models import Reason


class RiderPhotoError(Exception):
    """Whatever this project raises on purpose."""


class PhotoDoesNotMeetRequirementError(RiderPhotoError):
    """The photo breaks a rule; another photo may meet it.

    Only the message survives the way through Step Functions, so a message must
    name its reason: see `chalicelib.outcome.reason_of`.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class FaceAlreadyExistsError(RiderPhotoError):
    """Another rider holds this face. The message never says who."""


class UndecidedRivalError(RiderPhotoError):
    """An older upload of the same face is still being decided: wait for it."""


class FaceNotVisibleYetError(RiderPhotoError):
    """A search does not find the face that was indexed a moment ago: wait for the index."""


class SupersededError(RiderPhotoError):
    """The rider's newer photo was accepted, or the rider was erased, before this photo came so far."""


class UploadEndedError(RiderPhotoError):
    """The upload was decided before, or another execution works on it: there is nothing to do."""


class RiderNotToldError(RiderPhotoError):
    """The upload is decided; only the mail that says so could not be sent yet: retry, then leave it."""


class ServiceUnavailableError(RiderPhotoError):
    """A service that a step calls throttled it, failed or did not answer: retry."""


class InvalidInputError(RiderPhotoError):
    """The execution's input, an event or a request cannot be understood; says which field and why."""


class PhotoNotFoundError(RiderPhotoError):
    """The object that the execution names is not in the bucket, or that version of it is not."""


class ConsentMissingError(RiderPhotoError):
    """The rider has not agreed to the current text on the processing of the face, or withdrew it."""


class TooManyUploadsError(RiderPhotoError):
    """The rider asked for more upload forms than a window of time allows; says in how many seconds to try."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"Too many uploads: try again in {retry_after} seconds.")
        self.retry_after = retry_after


class AppealRefusedError(RiderPhotoError):
    """The upload was not rejected, or was appealed before; says which."""


class PhotoGoneError(RiderPhotoError):
    """The upload's original is not kept any more."""


class SettingsError(RiderPhotoError):
    """A setting is missing or makes no sense; names the environment variable."""
