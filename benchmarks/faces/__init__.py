"""Accuracy of the face service on a folder of labelled photos."""
