"""Collections on disk and in memory."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.rekognition import database
from local.rekognition import store as store_module
from local.rekognition.engine import EMBEDDING_SIZE, Embedding
from local.rekognition.errors import FaceServiceError, RekognitionError
from local.rekognition.records import NewFace, RelativeBox
from local.rekognition.store import CollectionStore
from local.rekognition.vectors import VectorIndex

_BOX = RelativeBox(0.1, 0.1, 0.2, 0.3)
_ELSEWHERE = RelativeBox(0.6, 0.1, 0.2, 0.3)
_PHOTO = b"sha of a photo"


def _vector(seed: int) -> Embedding:
    vector = np.random.default_rng(seed).normal(size=EMBEDDING_SIZE).astype(np.float32)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _face(seed: int = 1, box: RelativeBox = _BOX) -> NewFace:
    return NewFace(box, 99.0, _vector(seed))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[CollectionStore]:
    store = CollectionStore(tmp_path)
    store.create("c")
    yield store
    store.close()


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 200)), max_size=150),
    st.integers(1, 20),
    st.floats(-1, 1),
)
def test_search_equals_comparing_with_every_face(
    changes: list[tuple[bool, int]], limit: int, least: float
) -> None:
    index, expected = VectorIndex(), dict[str, Embedding]()
    for add, seed in changes:
        face_id = str(seed)
        if add and face_id not in expected:
            index.add(face_id, _vector(seed))
            expected[face_id] = _vector(seed)
        elif not add and face_id in expected:
            index.remove(face_id)
            del expected[face_id]
    wanted = _vector(7)

    found = index.search(wanted, least, limit)

    cosines = sorted((float(vector @ wanted) for vector in expected.values()), reverse=True)
    assert [cosine for _, cosine in found] == pytest.approx(
        [c for c in cosines if c >= least][:limit], abs=1e-5
    )
    assert all(
        float(expected[face_id] @ wanted) == pytest.approx(cosine, abs=1e-5) for face_id, cosine in found
    )
    assert len(index) == len(expected)


def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    first = CollectionStore(tmp_path)
    first.create("c")
    stored = first.index("c", _PHOTO, "rider:1", [_face(1), _face(2, _ELSEWHERE)])
    first.delete_faces("c", [stored[1].face_id])
    created = first.get("c").created
    first.close()

    again = CollectionStore(tmp_path)

    assert again.get("c").created == created
    assert again.faces("c", 0, 10) == [stored[0]]
    ((match, cosine),) = again.search("c", _vector(1), 0.9, 10)
    assert match == stored[0]
    assert cosine == pytest.approx(1, abs=1e-5)
    again.close()


def test_the_same_photo_of_the_same_external_id_stores_no_duplicate(store: CollectionStore) -> None:
    first = store.index("c", _PHOTO, "rider:1", [_face()])

    assert store.index("c", _PHOTO, "rider:1", [_face()]) == first
    assert store.count("c") == 1


@pytest.mark.parametrize(
    ("photo", "external_id"), [(_PHOTO, "rider:2"), (_PHOTO, None), (b"another", "rider:1")]
)
def test_another_photo_or_another_external_id_is_another_face(
    store: CollectionStore, photo: bytes, external_id: str | None
) -> None:
    (first,) = store.index("c", _PHOTO, "rider:1", [_face()])

    (second,) = store.index("c", photo, external_id, [_face()])

    assert second.face_id != first.face_id
    assert store.count("c") == 2


def test_a_second_face_of_a_known_photo_is_added_beside_the_first(store: CollectionStore) -> None:
    (first,) = store.index("c", _PHOTO, None, [_face()])

    both = store.index("c", _PHOTO, None, [_face(), _face(2, _ELSEWHERE)])

    assert both[0] == first
    assert both[1].image_id == first.image_id
    assert store.count("c") == 2


def test_a_deleted_face_is_indexed_anew(store: CollectionStore) -> None:
    (first,) = store.index("c", _PHOTO, "rider:1", [_face()])
    assert store.delete_faces("c", [first.face_id, first.face_id, "not here"]) == [first.face_id]

    (second,) = store.index("c", _PHOTO, "rider:1", [_face()])

    assert second.face_id != first.face_id
    assert [face.face_id for face in store.faces("c", 0, 10)] == [second.face_id]


def test_the_same_photo_from_many_threads_is_one_face(store: CollectionStore) -> None:
    start = threading.Barrier(8, timeout=60)
    ids: list[str] = []

    def index() -> None:
        start.wait()
        ids.extend(face.face_id for face in store.index("c", _PHOTO, "rider:1", [_face()]))

    threads = [threading.Thread(target=index) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(ids) == 8
    assert len(set(ids)) == 1
    assert store.count("c") == 1


def test_a_collection_made_anew_is_empty_and_another_one(store: CollectionStore) -> None:
    store.index("c", _PHOTO, "rider:1", [_face()])
    old = store.get("c").key

    store.delete("c")
    store.create("c")

    assert store.get("c").key != old
    assert store.count("c") == 0
    assert store.search("c", _vector(1), 0.0, 10) == []


def test_collections_do_not_see_each_others_faces(store: CollectionStore) -> None:
    store.create("other")
    (face,) = store.index("c", _PHOTO, None, [_face()])

    assert store.search("other", _vector(1), 0.0, 10) == []
    assert store.vector("other", face.face_id) is None
    assert store.delete_faces("other", [face.face_id]) == []
    assert store.count("c") == 1


def test_a_failed_write_leaves_neither_row_nor_vector(store: CollectionStore) -> None:
    broken = NewFace(_ELSEWHERE, None, _vector(2))  # type: ignore[arg-type]

    with pytest.raises(sqlite3.IntegrityError):
        store.index("c", _PHOTO, None, [_face(), broken])

    assert store.count("c") == 0
    assert store.faces("c", 0, 10) == []


def test_a_collection_that_is_not_there_or_twice_has_rekognitions_error(store: CollectionStore) -> None:
    with pytest.raises(RekognitionError, match="ResourceNotFoundException: The collection id: absent"):
        store.get("absent")
    with pytest.raises(RekognitionError, match="ResourceAlreadyExistsException: The collection id: c"):
        store.create("c")


def test_a_second_store_on_the_same_folder_is_refused(
    store: CollectionStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_LOCK_SECONDS", 0.1)

    with pytest.raises(FaceServiceError, match="in use by another face service"):
        CollectionStore(tmp_path)


def test_a_damaged_database_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "collections.sqlite3").write_bytes(b"no database at all" * 100)

    with pytest.raises(FaceServiceError, match=r"collections\.sqlite3 is damaged"):
        CollectionStore(tmp_path)


def test_collections_of_other_models_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        for module in (store_module, database):
            patched.setattr(module, "MODEL_VERSION", "0.9")
        old = CollectionStore(tmp_path)
        old.create("c")
        old.close()

    with pytest.raises(FaceServiceError, match=r"Collection c .* was made by other face models"):
        CollectionStore(tmp_path)


def _refused(data_dir: Path, message: str) -> None:
    with pytest.raises(FaceServiceError, match=message):
        CollectionStore(data_dir)


def test_a_folder_that_cannot_be_one_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "taken" / "collections.sqlite3").mkdir(parents=True)

    _refused(tmp_path / "file", "file cannot be the data folder: File exists")
    _refused(tmp_path / "file" / "below", "below cannot be the data folder: Not a directory")
    _refused(tmp_path / "taken", r"collections\.sqlite3 cannot be opened")


@pytest.mark.parametrize("version", [0, 1])
def test_a_database_of_something_else_is_refused_and_left_as_it_is(tmp_path: Path, version: int) -> None:
    path = tmp_path / "collections.sqlite3"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
        other.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()

    _refused(tmp_path, r"collections\.sqlite3 is not a face service's")

    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_damage_within_the_file_and_a_cut_embedding_are_found_at_the_start(tmp_path: Path) -> None:
    first = CollectionStore(tmp_path)
    first.create("c")
    for seed in range(200):
        first.index("c", str(seed).encode(), None, [_face(seed)])
    first.close()
    path = tmp_path / "collections.sqlite3"
    whole = path.read_bytes()

    path.write_bytes(whole[: len(whole) // 2] + b"\xa5" * 8192 + whole[len(whole) // 2 + 8192 :])
    _refused(tmp_path, r"collections\.sqlite3 is damaged")

    path.write_bytes(whole)
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE faces SET embedding = x'00' WHERE sequence = 7")
        other.commit()
    _refused(tmp_path, r"collections\.sqlite3 is damaged \(face .* has no embedding of 128 numbers\)")


def test_a_full_disk_refuses_the_write_and_the_next_one_works(store: CollectionStore) -> None:
    (limit,) = store._database.execute("PRAGMA max_page_count").fetchone()
    (pages,) = store._database.execute("PRAGMA page_count").fetchone()
    store._database.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        store.index("c", _PHOTO, None, [_face(seed, RelativeBox(seed, 0, 1, 1)) for seed in range(100)])
    assert store.count("c") == 0

    store._database.execute(f"PRAGMA max_page_count = {limit}")

    assert len(store.index("c", _PHOTO, None, [_face()])) == 1
    assert store.count("c") == 1
