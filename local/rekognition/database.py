"""The file that keeps the collections: made, checked and opened, or refused with what is wrong with it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.rekognition.engine import EMBEDDING_SIZE, MODEL_VERSION
from local.rekognition.errors import FaceServiceError

_NAME = "collections.sqlite3"
_SCHEMA_VERSION = 1
_SCHEMA = """
CREATE TABLE collections (
    key INTEGER PRIMARY KEY AUTOINCREMENT, -- a collection made anew under the same id has another key
    collection_id TEXT NOT NULL UNIQUE,
    created REAL NOT NULL,
    model_version TEXT NOT NULL
);
CREATE TABLE faces (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    collection INTEGER NOT NULL REFERENCES collections (key) ON DELETE CASCADE,
    face_id TEXT NOT NULL UNIQUE,
    image_id TEXT NOT NULL,
    image_sha256 BLOB NOT NULL,
    external_image_id TEXT,
    box_left REAL NOT NULL, box_top REAL NOT NULL, box_width REAL NOT NULL, box_height REAL NOT NULL,
    confidence REAL NOT NULL,
    embedding BLOB NOT NULL
);
CREATE INDEX faces_of_image ON faces (collection, image_sha256);
CREATE INDEX faces_in_order ON faces (collection, sequence);
"""
COLLECTION_COLUMNS = "key, collection_id, created, model_version"
FACE_COLUMNS = (
    "sequence, face_id, image_id, external_image_id, box_left, box_top, box_width, box_height, confidence"
)
_EMBEDDING_BYTES = 4 * EMBEDDING_SIZE
# Room for a service that is just being restarted to let go of the file.
_LOCK_SECONDS = 5.0


def open_database(data_dir: Path) -> sqlite3.Connection:
    """Open the database of a folder, which is made if missing, for this process alone.

    Raises
    ------
    FaceServiceError
        If the folder or its database cannot be used, is in use, damaged, of something else or of other
        models.
    """
    path = data_dir / _NAME
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FaceServiceError(f"{data_dir} cannot be the data folder: {error.strerror}.") from error
    try:
        database = sqlite3.connect(path, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False)
    except sqlite3.OperationalError as error:
        raise FaceServiceError(f"{path} cannot be opened: {error}.") from error
    try:
        _prepare(database, path)
    except sqlite3.OperationalError as error:
        database.close()
        if "locked" not in str(error):
            raise FaceServiceError(f"{path} cannot be opened: {error}.") from error
        raise FaceServiceError(
            f"{path} is in use by another face service: end that one, or use another folder."
        ) from error
    except sqlite3.DatabaseError as error:
        database.close()
        raise _damaged(path, str(error)) from error
    except FaceServiceError:
        database.close()
        raise
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """Keep all that is written in the block, or nothing of it."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        # A full disk ends the transaction by itself.
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    # Exclusive, because the index in memory would not see what another process writes.
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    # Before anything is written: the file may be somebody else's.
    (version,) = database.execute("PRAGMA user_version").fetchone()
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if (version == 0 and tables) or (version != 0 and not {"collections", "faces"} <= tables):
        raise FaceServiceError(f"{path} is not a face service's: use another folder.")
    if version not in (0, _SCHEMA_VERSION):
        raise FaceServiceError(
            f"{path} has format {version}, not {_SCHEMA_VERSION}: delete it to begin anew."
        )
    database.execute("PRAGMA journal_mode = WAL")
    # A killed process loses nothing with NORMAL; only a power cut may cost the last writes.
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("PRAGMA foreign_keys = ON")
    with transaction(database):
        if version == 0:
            for statement in _SCHEMA.split(";\n"):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
    _check(database, path)


def _check(database: sqlite3.Connection, path: Path) -> None:
    """Read the whole file once, so that damage is told at the start and not by a wrong answer later."""
    (state,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if state != "ok":
        raise _damaged(path, state)
    cut = database.execute(
        "SELECT face_id FROM faces WHERE length(embedding) <> ? LIMIT 1", (_EMBEDDING_BYTES,)
    ).fetchone()
    if cut:
        raise _damaged(path, f"face {cut[0]} has no embedding of {EMBEDDING_SIZE} numbers")
    stale = database.execute(
        "SELECT collection_id FROM collections WHERE model_version <> ?", (MODEL_VERSION,)
    ).fetchone()
    if stale:
        raise FaceServiceError(
            f"Collection {stale[0]} in {path} was made by other face models: delete the file to begin anew."
        )


def _damaged(path: Path, why: str) -> FaceServiceError:
    return FaceServiceError(f"{path} is damaged ({why}): delete it to begin anew.")
