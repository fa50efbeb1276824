"""Rekognition's operations on faces and collections."""

import hashlib
from collections.abc import Callable
from typing import Any

from local.rekognition.details import DetectedFace, bounding_box, face_detail, measure, stored_face
from local.rekognition.engine import MODEL_VERSION, Embedding, FaceEngine
from local.rekognition.errors import RekognitionError
from local.rekognition.images import Image, decode
from local.rekognition.photos import PhotoReader
from local.rekognition.pool import EnginePool
from local.rekognition.records import NewFace
from local.rekognition.scales import cosine_of, similarity
from local.rekognition.store import CollectionStore
from local.rekognition.tokens import make_token, read_token

ACCOUNT = "000000000000"
IMAGE_OPERATIONS = frozenset({"DetectFaces", "CompareFaces", "SearchFacesByImage", "IndexFaces"})
_MOST_FACES_OF_IMAGE = 100
_DEFAULT_THRESHOLD = 80.0
_MOST_MATCHES = 4096
_PAGE = 1000
# What ends a photo's way goes before what begins another's: until a face is indexed, whoever is searched
# for meanwhile does not find it, and is indexed too.
_URGENCY = {"SearchFacesByImage": 1, "IndexFaces": 2}

Request = dict[str, Any]
Answer = dict[str, Any]


class FaceOperations:
    """Answers requests that `parse_request` has checked.

    An object is read from S3 in its call's turn at an engine, so that waiting calls hold none in memory.

    Parameters
    ----------
    store, pool, photos
        Where faces are kept, models run and images come from.
    region
        Goes into the ARNs of collections.
    """

    def __init__(self, store: CollectionStore, pool: EnginePool, photos: PhotoReader, region: str) -> None:
        self._store = store
        self._pool = pool
        self._photos = photos
        self._arn_end = f"rekognition:{region}:{ACCOUNT}:collection"
        self._operations: dict[str, Callable[[Request], Answer]] = {
            "CreateCollection": self._create_collection,
            "DescribeCollection": self._describe_collection,
            "ListCollections": self._list_collections,
            "DeleteCollection": self._delete_collection,
            "DetectFaces": self._detect_faces,
            "CompareFaces": self._compare_faces,
            "SearchFacesByImage": self._search_faces_by_image,
            "SearchFaces": self._search_faces,
            "IndexFaces": self._index_faces,
            "ListFaces": self._list_faces,
            "DeleteFaces": self._delete_faces,
        }

    @property
    def names(self) -> frozenset[str]:
        """Names of the operations that are answered."""
        return frozenset(self._operations)

    def call(self, operation: str, request: Request) -> Answer:
        """Return the members of the answer; RekognitionError where it is an error."""
        return self._operations[operation](request)

    def _create_collection(self, request: Request) -> Answer:
        if request.get("Tags"):
            raise RekognitionError("InvalidParameterException", "This service keeps no tags: leave Tags out.")
        collection_id = request["CollectionId"]
        self._store.create(collection_id)
        return {
            "StatusCode": 200,
            # As in Rekognition, here without the "arn:" that DescribeCollection has.
            "CollectionArn": f"aws:{self._arn_end}/{collection_id}",
            "FaceModelVersion": MODEL_VERSION,
        }

    def _describe_collection(self, request: Request) -> Answer:
        collection = self._store.get(request["CollectionId"])
        return {
            "FaceCount": self._store.count(collection.collection_id),
            "FaceModelVersion": collection.model_version,
            "CollectionARN": f"arn:aws:{self._arn_end}/{collection.collection_id}",
            "CreationTimestamp": collection.created,
            "UserCount": 0,
        }

    def _list_collections(self, request: Request) -> Answer:
        after = read_token(request.get("NextToken"), "ListCollections", 0)
        limit = request.get("MaxResults") or _PAGE
        found = self._store.collections(after, limit + 1)
        page = found[:limit]
        answer: Answer = {
            "CollectionIds": [collection.collection_id for collection in page],
            "FaceModelVersions": [collection.model_version for collection in page],
        }
        if len(found) > limit:
            answer["NextToken"] = make_token("ListCollections", 0, page[-1].key)
        return answer

    def _delete_collection(self, request: Request) -> Answer:
        self._store.delete(request["CollectionId"])
        return {"StatusCode": 200}

    def _detect_faces(self, request: Request) -> Answer:
        attributes = request.get("Attributes") or ["DEFAULT"]

        def detect(engine: FaceEngine) -> list[Answer]:
            image = decode(self._photos.read(request["Image"]))
            return [face_detail(engine, image, face, attributes) for face in _measured(engine, image)]

        return {"FaceDetails": self._pool.run(detect)}

    def _compare_faces(self, request: Request) -> Answer:
        quality_filter = request.get("QualityFilter", "NONE")
        least = request.get("SimilarityThreshold", _DEFAULT_THRESHOLD)

        def compare(engine: FaceEngine) -> Answer:
            image = decode(self._photos.read(request["SourceImage"]))
            source = _good(engine, image, quality_filter, "source ")[0]
            searched = engine.embed(image, source.face)
            image = decode(self._photos.read(request["TargetImage"]))
            matches: list[Answer] = []
            unmatched: list[Answer] = []
            for face in _good(engine, image, quality_filter, "target "):
                shaped = face_detail(engine, image, face, ["DEFAULT"])
                alike = similarity(float(searched @ engine.embed(image, face.face)))
                if alike >= least:
                    matches.append({"Similarity": alike, "Face": shaped})
                else:
                    unmatched.append(shaped)
            return {
                "SourceImageFace": {
                    "BoundingBox": bounding_box(source.box),
                    "Confidence": source.confidence,
                },
                "FaceMatches": sorted(matches, key=lambda match: -match["Similarity"]),
                "UnmatchedFaces": unmatched,
            }

        return self._pool.run(compare)

    def _search_faces_by_image(self, request: Request) -> Answer:
        collection_id = self._store.get(request["CollectionId"]).collection_id
        quality_filter = request.get("QualityFilter", "NONE")

        def embed_largest(engine: FaceEngine) -> tuple[DetectedFace, Embedding]:
            image = decode(self._photos.read(request["Image"]))
            largest = _good(engine, image, quality_filter)[0]
            return largest, engine.embed(image, largest.face)

        searched, embedding = self._pool.run(embed_largest, _URGENCY["SearchFacesByImage"])
        return {
            "SearchedFaceBoundingBox": bounding_box(searched.box),
            "SearchedFaceConfidence": searched.confidence,
            "FaceMatches": self._matches(request, collection_id, embedding),
            "FaceModelVersion": MODEL_VERSION,
        }

    def _search_faces(self, request: Request) -> Answer:
        collection_id, face_id = request["CollectionId"], request["FaceId"]
        embedding = self._store.vector(collection_id, face_id)
        if embedding is None:
            raise RekognitionError("InvalidParameterException", "faceId was not found in the collection.")
        return {
            "SearchedFaceId": face_id,
            "FaceMatches": self._matches(request, collection_id, embedding, without=face_id),
            "FaceModelVersion": MODEL_VERSION,
        }

    def _matches(
        self, request: Request, collection_id: str, embedding: Embedding, without: str | None = None
    ) -> list[Answer]:
        limit = request.get("MaxFaces", _MOST_MATCHES)
        least = cosine_of(request.get("FaceMatchThreshold", _DEFAULT_THRESHOLD))
        # One more, because the searched face finds itself.
        found = self._store.search(collection_id, embedding, least, limit + 1)
        return [
            {"Similarity": similarity(cosine), "Face": stored_face(face, MODEL_VERSION)}
            for face, cosine in found
            if face.face_id != without
        ][:limit]

    def _index_faces(self, request: Request) -> Answer:
        collection_id = self._store.get(request["CollectionId"]).collection_id
        attributes = request.get("DetectionAttributes") or ["DEFAULT"]
        quality_filter = request.get("QualityFilter", "AUTO")
        most = request.get("MaxFaces", _MOST_FACES_OF_IMAGE)

        def embed_good(engine: FaceEngine) -> tuple[bytes, list[tuple[NewFace, Answer]], list[Answer]]:
            data = self._photos.read(request["Image"])
            image = decode(data)
            indexed: list[tuple[NewFace, Answer]] = []
            unindexed: list[Answer] = []
            for face in _measured(engine, image):
                detail = face_detail(engine, image, face, attributes)
                reasons = face.reasons_against(quality_filter)
                if not reasons and len(indexed) >= most:
                    reasons = ["EXCEEDS_MAX_FACES"]
                if reasons:
                    unindexed.append({"Reasons": reasons, "FaceDetail": detail})
                else:
                    new = NewFace(face.box, face.confidence, engine.embed(image, face.face))
                    indexed.append((new, detail))
            return hashlib.sha256(data).digest(), indexed, unindexed

        digest, indexed, unindexed = self._pool.run(embed_good, _URGENCY["IndexFaces"])
        stored = self._store.index(
            collection_id,
            digest,
            request.get("ExternalImageId"),
            [new for new, _ in indexed],
        )
        return {
            "FaceRecords": [
                {"Face": stored_face(face, MODEL_VERSION), "FaceDetail": detail}
                for face, (_, detail) in zip(stored, indexed, strict=True)
            ],
            "FaceModelVersion": MODEL_VERSION,
            "UnindexedFaces": unindexed,
        }

    def _list_faces(self, request: Request) -> Answer:
        collection = self._store.get(request["CollectionId"])
        if "UserId" in request:
            raise RekognitionError(
                "ResourceNotFoundException",
                f"The user id: {request['UserId']} does not exist: there are no users.",
            )
        after = read_token(request.get("NextToken"), "ListFaces", collection.key)
        limit = request.get("MaxResults") or _PAGE
        found = self._store.faces(collection.collection_id, after, limit + 1, request.get("FaceIds"))
        page = found[:limit]
        answer: Answer = {
            "Faces": [stored_face(face, MODEL_VERSION) for face in page],
            "FaceModelVersion": collection.model_version,
        }
        if len(found) > limit:
            answer["NextToken"] = make_token("ListFaces", collection.key, page[-1].sequence)
        return answer

    def _delete_faces(self, request: Request) -> Answer:
        deleted = self._store.delete_faces(request["CollectionId"], request["FaceIds"])
        missing = [face_id for face_id in dict.fromkeys(request["FaceIds"]) if face_id not in set(deleted)]
        answer: Answer = {
            "UnsuccessfulFaceDeletions": [
                {"FaceId": face_id, "Reasons": ["FACE_NOT_FOUND"]} for face_id in missing
            ]
        }
        # The model wants at least one id in it, so an empty list is left out.
        if deleted:
            answer["DeletedFaces"] = deleted
        return answer


def _measured(engine: FaceEngine, image: Image) -> list[DetectedFace]:
    """Return the faces of an image, largest first, as many as Rekognition looks at."""
    return [measure(image, face) for face in engine.detect(image)[:_MOST_FACES_OF_IMAGE]]


def _good(engine: FaceEngine, image: Image, quality_filter: str, which: str = "") -> list[DetectedFace]:
    """Return the faces of an image that pass a quality filter, largest first; none is an error."""
    good = [face for face in _measured(engine, image) if not face.reasons_against(quality_filter)]
    if not good:
        raise RekognitionError(
            "InvalidParameterException", f"There are no faces in the {which}image. Should be at least 1."
        )
    return good
