"""What riders read, in English."""

from typing import Final

from chalicelib.mail.words import Message, Words
from chalicelib.models import Reason, UploadStatus
from chalicelib.outcome import Unclear

WORDS: Final = Words(
    language="en",
    subjects={
        UploadStatus.ACCEPTED: "Your Wild Rydes photo is accepted",
        UploadStatus.REJECTED: "Your Wild Rydes photo: please take another one",
        UploadStatus.FAILED: "Your Wild Rydes photo could not be processed",
    },
    links={
        UploadStatus.ACCEPTED: "See your photo",
        UploadStatus.REJECTED: "Open the photo page",
        UploadStatus.FAILED: "Send it again",
    },
    greeting="Hello rider,",
    signature="Your Wild Rydes team",
    accepted=Message(
        "your photo is accepted: your unicorn will recognize you.",
        "You can replace or erase it at any time. If it was not you who sent it, change your password.",
    ),
    rejected={
        Reason.NO_FACE: Message(
            "we could not find a face in the photo you sent.",
            "Please take a photo that shows your face from the front.",
        ),
        Reason.MULTIPLE_FACES: Message(
            "the photo you sent shows more than one face, so your unicorn would not know whom to pick up.",
            "Please take a photo that shows only you. Posters and screens with faces count too.",
        ),
        Reason.SUNGLASSES: Message(
            "you are wearing sunglasses in the photo you sent.",
            "Please take them off for the photo. Clear glasses are fine.",
        ),
        Reason.FACE_NOT_CLEAR: Message(
            "your face is not clear enough in the photo you sent.",
            "Please take another photo and look at the tips below.",
        ),
        Reason.FACE_ALREADY_EXISTS: Message(
            "the face in the photo you sent is already used by another rider's account.",
            "If you have another account, please use that one. If this is a mistake, please tell us so on "
            "the page where you sent the photo.",
        ),
        Reason.FACE_CHANGED: Message(
            "the photo you sent does not show the same person as your current photo.",
            "Please take a photo of yourself. If this is a mistake, please tell us so on the page where "
            "you sent the photo.",
        ),
        Reason.UNSUPPORTED_FORMAT: Message(
            "the file you sent is neither a JPEG nor a PNG picture.",
            "Please send a photo as JPEG or PNG. Phones that save HEIC can be set to 'most compatible'.",
        ),
        Reason.IMAGE_TOO_LARGE: Message(
            "the photo you sent is too large.",
            "Please send a smaller one: any phone's normal photo is large enough.",
        ),
        Reason.IMAGE_UNREADABLE: Message(
            "the file you sent cannot be read as a picture; it may have been damaged on its way.",
            "Please send it again, or take another photo.",
        ),
    },
    unclear={
        Unclear.EYES_CLOSED: Message(
            "your eyes are closed in the photo you sent.",
            "Please take another one with your eyes open.",
        ),
        Unclear.COVERED: Message(
            "part of your face is covered in the photo you sent.",
            "Please take another one with nothing in front of your face: no mask, hand, hair or phone.",
        ),
        Unclear.TURNED: Message(
            "your head is turned too far to the side in the photo you sent.",
            "Please look straight into the camera.",
        ),
        Unclear.NODDED: Message(
            "you look up or down too far in the photo you sent.",
            "Please hold the camera at the height of your eyes, and look straight into it.",
        ),
        Unclear.TILTED: Message(
            "your head is tilted too far in the photo you sent.",
            "Please hold your head and the camera upright.",
        ),
        Unclear.SMALL: Message(
            "your face is too small in the photo you sent.",
            "Please come closer to the camera, and send the photo as it was taken, not a small copy.",
        ),
        Unclear.DARK: Message(
            "your face is too dark in the photo you sent.",
            "Please take another one with light from the front: face a window or a lamp.",
        ),
        Unclear.BLURRED: Message(
            "your face is blurred in the photo you sent.",
            "Please hold the camera still, and wipe its lens.",
        ),
    },
    failed=Message(
        "something went wrong on our side, and we could not process the photo you sent.",
        "It is not your photo's fault. Please send it again later.",
    ),
    tips=(
        "Only you, looking straight into the camera, at eye level",
        "Eyes open, no sunglasses, nothing in front of your face",
        "Light from the front, and hold still",
    ),
    why="You get this mail because a photo was sent from your Wild Rydes account.",
)
