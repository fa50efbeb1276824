"""What riders read, in English."""

from typing import Final

from chalicelib.models import Reason

SUBJECTS: Final = {
    "rejected": "Your Wild Rydes photo: please take another one",
    "failed": "Your Wild Rydes photo could not be processed",
}
GREETING: Final = "Hello rider,"
SIGNATURE: Final = "Your Wild Rydes team"

# What was wrong, and what to do about it.
REJECTED: Final = {
    Reason.NO_FACE: (
        "we could not find a face in the photo you sent.",
        "Please take a photo that shows your face from the front.",
    ),
    Reason.MULTIPLE_FACES: (
        "the photo you sent shows more than one face, so your unicorn would not know whom to pick up.",
        "Please take a photo that shows only you. Posters and screens with faces count too.",
    ),
    Reason.SUNGLASSES: (
        "you are wearing sunglasses in the photo you sent.",
        "Please take them off for the photo. Clear glasses are fine.",
    ),
    Reason.FACE_NOT_CLEAR: (
        "your face is not clear enough in the photo you sent.",
        "Please take another photo and look at the tips below.",
    ),
    Reason.FACE_ALREADY_EXISTS: (
        "the face in the photo you sent is already used by another rider's account.",
        "If you have another account, please use that one. If this is a mistake, please answer this mail.",
    ),
    Reason.FACE_CHANGED: (
        "the photo you sent does not show the same person as your current photo.",
        "Please take a photo of yourself. If you think that this is a mistake, answer this mail.",
    ),
    Reason.UNSUPPORTED_FORMAT: (
        "the file you sent is neither a JPEG nor a PNG picture.",
        "Please send a photo as JPEG or PNG. Phones that save HEIC can be set to 'most compatible'.",
    ),
    Reason.IMAGE_TOO_LARGE: (
        "the photo you sent is too large.",
        "Please send a smaller one: any phone's normal photo is large enough.",
    ),
    Reason.IMAGE_UNREADABLE: (
        "the file you sent cannot be read as a picture; it may have been damaged on its way.",
        "Please send it again, or take another photo.",
    ),
}
FAILED: Final = (
    "something went wrong on our side, and we could not process the photo you sent.",
    "It is not your photo's fault. Please send it again later.",
)

# The reasons for which these tips help.
ABOUT_THE_PHOTO: Final = frozenset(
    {Reason.NO_FACE, Reason.MULTIPLE_FACES, Reason.SUNGLASSES, Reason.FACE_NOT_CLEAR}
)
ADVICE: Final = (
    "Only you, looking straight into the camera, at eye level",
    "Eyes open, no sunglasses, nothing in front of your face",
    "Light from the front, and hold still",
)
