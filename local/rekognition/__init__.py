"""A service that speaks Amazon Rekognition's protocol on open face models, for one machine."""

import os

# A second guard behind images.MAX_PIXELS. OpenCV reads it when it is imported, so it is set before
# any module of this package can do so.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(100_000_000))
