"""The steps of the state machine: a module a function, of the function's name.

Each takes the photo and its clients, and returns what JSON can hold.
"""

from chalicelib.steps.confirm_face import confirm_face
from chalicelib.steps.detect_faces import detect_faces
from chalicelib.steps.index_face import index_face
from chalicelib.steps.make_thumbnail import make_thumbnail
from chalicelib.steps.notify_rider import notify_rider
from chalicelib.steps.persist_metadata import persist_metadata
from chalicelib.steps.retire_replaced import retire_replaced
from chalicelib.steps.search_face import search_face
from chalicelib.steps.undo import undo

__all__ = [
    "confirm_face",
    "detect_faces",
    "index_face",
    "make_thumbnail",
    "notify_rider",
    "persist_metadata",
    "retire_replaced",
    "search_face",
    "undo",
]
