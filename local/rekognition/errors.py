"""Errors of the face service. Each is answered under its Rekognition name."""


class RekognitionError(Exception):
    """An answer that is an error: its code, and a message for whoever made the call.

    Parameters
    ----------
    code
        Name of the error in Rekognition's API model, or of AWS's front end.
    message
        What is wrong and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """HTTP status: AWS answers 500 for its own faults, 400 for all else."""
        return 500 if self.code == "InternalServerError" else 400


class FaceServiceError(Exception):
    """The service cannot start or go on: says what is wrong with its data or set-up."""


def throttled() -> RekognitionError:
    """Return the error for a call beyond what the service can queue; clients retry it by themselves."""
    return RekognitionError(
        "ProvisionedThroughputExceededException",
        "The number of requests exceeds what this service can queue. Retry after a moment.",
    )
