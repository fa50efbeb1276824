"""Rekognition in memory: who is in a picture is written in its bytes, and faces are kept in collections.

A picture names the people in it, from the largest face to the smallest, as `person:NAME;` anywhere in its
bytes: see `tests.fakes.pictures.photo`. Two faces of one person are alike, of different people only as far
as `resemble` says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

from tests.fakes.faces import FIELDS_OF_ATTRIBUTE, face
from tests.fakes.s3 import FakeS3
from tests.fakes.service import Answer, FakeClient, Parameters, operation

_PERSON = re.compile(rb"person:([a-z]+);")
_MAX_BYTES_IN_S3, _MAX_BYTES_IN_REQUEST = 15 * 1024 * 1024, 5 * 1024 * 1024
_SAME_PERSON = 99.9


@dataclass(frozen=True, slots=True)
class IndexedFace:
    """A face in a collection."""

    face_id: str
    image_id: str
    external_image_id: str
    person: str
    content: bytes

    def as_answer(self) -> dict[str, Any]:
        """The face as Rekognition describes it."""
        answer = {
            "FaceId": self.face_id,
            "ImageId": self.image_id,
            "BoundingBox": face()["BoundingBox"],
            "Confidence": 99.9,
        }
        return answer | ({"ExternalImageId": self.external_image_id} if self.external_image_id else {})


class FakeRekognition(FakeClient):
    """Face detection and collections over the objects of a FakeS3."""

    service = "rekognition"
    _state: ClassVar = {
        "_collections": 2,
        "_details": 0,
        "_similarity": 1,
        "_unindexed_reasons": 1,
        "_minted": 0,
        "_made": 1,
        "invisible": 1,
    }

    def __init__(self, s3: FakeS3, collections: Sequence[str] = ()) -> None:
        super().__init__()
        self._s3 = s3
        self._collections: dict[str, list[IndexedFace]] = {name: [] for name in collections}
        self._details: list[dict[str, Any]] | None = None
        self._similarity: dict[frozenset[str], float] = {}
        self._unindexed_reasons: list[str] = []
        self._minted = 0
        self._made = dict.fromkeys(collections, 0)
        self.page_size = 1000  # of list_faces
        # Faces that are indexed but that no search finds yet.
        self.invisible: set[str] = set()

    def sees(self, *details: dict[str, Any]) -> None:
        """Let DetectFaces find these faces in every picture."""
        self._details = list(details)

    def resemble(self, one: str, other: str, similarity: float) -> None:
        """Make two people alike, in percent."""
        self._similarity[frozenset({one, other})] = similarity

    def filters_out(self, *reasons: str) -> None:
        """Let IndexFaces refuse every face for these reasons."""
        self._unindexed_reasons = list(reasons)

    def faces(self, collection: str) -> list[IndexedFace]:
        """The faces of a collection, in the order in which they came."""
        return list(self._collections[collection])

    @operation
    def create_collection(self, request: Parameters) -> Answer:
        if request["CollectionId"] in self._collections:
            raise self.error("ResourceAlreadyExistsException", "The collection id already exists")
        self._collections[request["CollectionId"]] = []
        self._made[request["CollectionId"]] = self._minted
        return {"StatusCode": 200, "FaceModelVersion": "7.0"}

    @operation
    def delete_collection(self, request: Parameters) -> Answer:
        self._collection(request)
        del self._collections[request["CollectionId"]]
        return {"StatusCode": 200}

    @operation
    def detect_faces(self, request: Parameters) -> Answer:
        content = self._content(request["Image"])
        details = self._details
        if details is None:
            details = [face() for _ in _people(content)]
        fields = {
            field
            for attribute in request.get("Attributes", ["DEFAULT"])
            for field in FIELDS_OF_ATTRIBUTE[attribute]
        }
        return {"FaceDetails": [{name: d[name] for name in fields if name in d} for d in details]}

    @operation
    def search_faces_by_image(self, request: Parameters) -> Answer:
        collection = self._collection(request)
        people = _people(self._content(request["Image"]))
        if not people:
            raise self.error(
                "InvalidParameterException", "There are no faces in the image. Should be at least 1."
            )
        return {
            "FaceMatches": self._matches(collection, people[0], request),
            "FaceModelVersion": "7.0",
            "SearchedFaceBoundingBox": face()["BoundingBox"],
            "SearchedFaceConfidence": 99.9,
        }

    @operation
    def search_faces(self, request: Parameters) -> Answer:
        collection = self._collection(request)
        face_id = request["FaceId"]
        own = [known for known in self._visible(collection) if known.face_id == face_id]
        if not own:
            raise self.error("InvalidParameterException", "faceId was not found in the collection.")
        matches = self._matches(collection, own[0].person, request)
        return {
            "FaceMatches": [match for match in matches if match["Face"]["FaceId"] != face_id],
            "FaceModelVersion": "7.0",
            "SearchedFaceId": face_id,
        }

    @operation
    def index_faces(self, request: Parameters) -> Answer:
        collection = self._collection(request)
        content = self._content(request["Image"])
        details = {"FaceDetail": {name: face()[name] for name in FIELDS_OF_ATTRIBUTE["DEFAULT"]}}
        answer: Answer = {"FaceRecords": [], "UnindexedFaces": [], "FaceModelVersion": "7.0"}
        for position, person in enumerate(_people(content)):
            filtered = request.get("QualityFilter") != "NONE"
            reasons = list(self._unindexed_reasons) if filtered else []
            if position >= request.get("MaxFaces", 100):
                reasons.append("EXCEEDS_MAX_FACES")
            if reasons:
                answer["UnindexedFaces"].append({"Reasons": reasons, **details})
                continue
            indexed = self._index(collection, request.get("ExternalImageId", ""), person, content)
            answer["FaceRecords"].append({"Face": indexed.as_answer(), **details})
        return answer

    @operation
    def delete_faces(self, request: Parameters) -> Answer:
        collection = self._collection(request)
        known = {indexed.face_id for indexed in collection}
        asked = dict.fromkeys(request["FaceIds"])
        collection[:] = [indexed for indexed in collection if indexed.face_id not in asked]
        deleted = [face_id for face_id in asked if face_id in known]
        unknown = [
            {"FaceId": face_id, "Reasons": ["FACE_NOT_FOUND"]} for face_id in asked if face_id not in known
        ]
        return ({"DeletedFaces": deleted} if deleted else {}) | {"UnsuccessfulFaceDeletions": unknown}

    @operation
    def list_faces(self, request: Parameters) -> Answer:
        faces, asked = self._collection(request), request.get("FaceIds")
        if asked is not None:
            faces = [indexed for indexed in faces if indexed.face_id in asked]
        # A token names the collection, which may have been made anew, and the last face of its page.
        made = f"made-{self._made[request['CollectionId']]}"
        if "NextToken" in request:
            collection, _, after = request["NextToken"].partition("/")
            if collection != made:
                raise self.error("InvalidPaginationTokenException", "Pagination token is not valid")
            faces = [indexed for indexed in faces if indexed.face_id > after]
        most = min(request.get("MaxResults", 1000), self.page_size)
        page = faces[:most]
        more = {"NextToken": f"{made}/{page[-1].face_id}"} if len(faces) > most else {}
        return {"Faces": [indexed.as_answer() for indexed in page], "FaceModelVersion": "7.0", **more}

    def _index(
        self, collection: list[IndexedFace], external_image_id: str, person: str, content: bytes
    ) -> IndexedFace:
        for known in collection:
            # The same picture under the same name is stored once.
            if (known.external_image_id, known.person, known.content) == (external_image_id, person, content):
                return known
        indexed = IndexedFace(self._mint(), self._mint(), external_image_id, person, content)
        collection.append(indexed)
        return indexed

    def _matches(self, collection: list[IndexedFace], person: str, request: Parameters) -> list[Any]:
        threshold = request.get("FaceMatchThreshold", 80.0)
        similar = [(self._likeness(person, known.person), known) for known in self._visible(collection)]
        matches = [
            {"Similarity": similarity, "Face": known.as_answer()}
            for similarity, known in similar
            if similarity >= threshold
        ]
        matches.sort(key=lambda match: match["Similarity"], reverse=True)
        return matches[: request.get("MaxFaces", 80)]

    def _visible(self, collection: list[IndexedFace]) -> list[IndexedFace]:
        return [known for known in collection if known.face_id not in self.invisible]

    def _likeness(self, one: str, other: str) -> float:
        return _SAME_PERSON if one == other else self._similarity.get(frozenset({one, other}), 0.0)

    def _collection(self, request: Parameters) -> list[IndexedFace]:
        name = request["CollectionId"]
        if name not in self._collections:
            raise self.error("ResourceNotFoundException", f"The collection id: {name} does not exist")
        return self._collections[name]

    def _content(self, image: Parameters) -> bytes:
        if "Bytes" in image:
            content, most = image["Bytes"], _MAX_BYTES_IN_REQUEST
        else:
            place = image["S3Object"]
            try:
                content = self._s3.read(place["Bucket"], place["Name"], place.get("Version"))
            except self._s3.exceptions.ClientError as error:
                raise self.error(
                    "InvalidS3ObjectException",
                    "Unable to get object metadata from S3. Check object key, region and/or permissions.",
                ) from error
            most = _MAX_BYTES_IN_S3
        if len(content) > most:
            raise self.error("ImageTooLargeException", "Image size is too large")
        if not content.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")):
            raise self.error("InvalidImageFormatException", "Request has invalid image format")
        return bytes(content)

    def _mint(self) -> str:
        self._minted += 1
        return str(UUID(int=self._minted, version=4))


def _people(content: bytes) -> list[str]:
    return [name.decode() for name in _PERSON.findall(content)]
