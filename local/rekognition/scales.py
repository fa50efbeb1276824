"""From what the models give to percentages like Rekognition's.

Mappings of convenience, not Rekognition's scales: they put the models' own working points where users of
Rekognition expect them. A similarity of 80 is cosine 0.40, measured at a false accept rate of 0.008 %;
90 is cosine 0.45 (no false accept seen), 99 is about 0.60. A confidence of 90 is the detector's score 0.7.
"""

import math

_COSINE_AT_80 = 0.40
_COSINE_STEEPNESS = 16.0
_LOGIT_80 = math.log(80 / 20)
_SCORE_AT_90 = 0.7
_SCORE_STEEPNESS = 20.0
_LOGIT_90 = math.log(90 / 10)


def similarity(cosine: float) -> float:
    """Return the similarity, 0 to 100, of two faces from the cosine of their embeddings."""
    return _percent(_COSINE_STEEPNESS * (cosine - _COSINE_AT_80) + _LOGIT_80)


def cosine_of(similarity_percent: float) -> float:
    """Return the least cosine whose `similarity` is at least this; infinite at the ends."""
    if similarity_percent <= 0:
        return -math.inf
    if similarity_percent >= 100:
        return math.inf
    logit = math.log(similarity_percent / (100 - similarity_percent))
    return _COSINE_AT_80 + (logit - _LOGIT_80) / _COSINE_STEEPNESS


def detection_confidence(score: float) -> float:
    """Return the confidence, 0 to 100, that a box holds a face, from the detector's score."""
    return _percent(_SCORE_STEEPNESS * (score - _SCORE_AT_90) + _LOGIT_90)


def _percent(logit: float) -> float:
    return 100.0 / (1.0 + math.exp(-logit))
