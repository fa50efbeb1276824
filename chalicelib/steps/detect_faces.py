"""State FaceDetection: is this one clear face?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from chalicelib.clients import error_code
from chalicelib.errors import PhotoDoesNotMeetRequirementError, PhotoNotFoundError
from chalicelib.image_header import ImageHeader, read_image_header
from chalicelib.models import UNVERSIONED, Reason, RiderPhoto, upload_id_of_object
from chalicelib.rules import ATTRIBUTES, PhotoRules, rejected

if TYPE_CHECKING:
    from mypy_boto3_rekognition import RekognitionClient
    from mypy_boto3_s3 import S3Client

    from chalicelib.uploads_table import UploadsTable

_HEADER_BYTES = 64 * 1024
# S3 answers AccessDenied for an object that is not there to whoever may not list the bucket, and
# InvalidArgument for a version that no bucket could have.
_NOT_THERE = frozenset(
    {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "MethodNotAllowed", "AccessDenied", "InvalidArgument"}
)


def detect_faces(
    photo: RiderPhoto, s3: S3Client, rekognition: RekognitionClient, rules: PhotoRules, table: UploadsTable
) -> dict[str, Any]:
    """Find the one clear face of a photo.

    Returns
    -------
    dict
        The face as Rekognition describes it, without landmarks: boxes are fractions of the upright
        image, angles degrees, confidences percent. Added to it are `s3VersionId` and `uploadId`:
        the version that was looked at, which all later steps read, and the upload it belongs to.

    Raises
    ------
    PhotoDoesNotMeetRequirementError
        With the first rule the photo breaks: the file, no face, several, sunglasses, not clear;
        those are passed over that an operator waived for this upload.
    PhotoNotFoundError
        If there is no such object or version.
    """
    photo, header = _look_at_file(photo, s3, rules)
    try:
        faces = rekognition.detect_faces(Image=photo.as_rekognition_image(), Attributes=list(ATTRIBUTES))  # type: ignore[arg-type]
    except rekognition.exceptions.InvalidImageFormatException as error:
        raise rejected(Reason.IMAGE_UNREADABLE, ": the file is damaged.") from error
    except rekognition.exceptions.ImageTooLargeException as error:
        raise rejected(Reason.IMAGE_TOO_LARGE, ".") from error
    try:
        face = rules.the_one_clear_face(faces["FaceDetails"], header)
    except PhotoDoesNotMeetRequirementError as broken:
        waived = table.waived_reasons(photo)
        if broken.reason not in waived:
            raise
        face = rules.the_one_clear_face(faces["FaceDetails"], header, waived)
    return {
        **{name: value for name, value in face.items() if name != "Landmarks"},
        "s3VersionId": photo.version_id,
        "uploadId": photo.upload_id,
    }


def _look_at_file(photo: RiderPhoto, s3: S3Client, rules: PhotoRules) -> tuple[RiderPhoto, ImageHeader]:
    """One ranged read tells version, size and age of the file, its format and, as a rule, its pixels."""
    try:
        beginning = s3.get_object(**photo.as_s3_object(), Range=f"bytes=0-{_HEADER_BYTES - 1}")
        first_bytes = beginning["Body"].read()
        size = int(beginning["ContentRange"].rpartition("/")[2])
    except s3.exceptions.ClientError as error:
        code = error_code(error)
        if code in _NOT_THERE:
            version = f", version {photo.version_id!r}," if photo.version_id else ""
            raise PhotoNotFoundError(
                f"The object {photo.key!r}{version} is not in the bucket {photo.bucket!r}, or not readable."
            ) from error
        if code not in {"InvalidRange", "416"}:
            raise
        # Only an empty file has no first byte.
        rules.check_file(0, None)
        raise
    header = read_image_header(first_bytes)
    rules.check_file(size, header)
    assert header is not None, "check_file refuses a file without a header"
    if header.width is None and size > len(first_bytes):
        # Metadata may be longer, and what follows it says how large the picture is.
        header = read_image_header(s3.get_object(**photo.as_s3_object())["Body"].read())
        rules.check_file(size, header)
    if header is None or header.width is None:
        raise rejected(Reason.IMAGE_UNREADABLE, ": the file is damaged.")
    version_id = photo.version_id or beginning.get("VersionId", UNVERSIONED)
    upload_id = photo.upload_id or upload_id_of_object(
        photo.bucket, photo.key, version_id, beginning["LastModified"]
    )
    return replace(photo, version_id=version_id, upload_id=upload_id), header
