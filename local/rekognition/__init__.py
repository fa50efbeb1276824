"""A service that speaks Amazon Rekognition's protocol on open face models, for one machine."""

import os

# A search waits for all its threads: with one each it takes 2 ms among 100,000 faces, with two, while the
# models keep both cores busy, 70 ms. Set before numpy is imported, as it reads this then.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A second guard behind images.MAX_PIXELS. OpenCV reads it when it is imported, so it is set before
# any module of this package can do so.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(100_000_000))
