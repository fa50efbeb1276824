"""Judges that others wrote, each in an environment of its own: `python -m checks`.

docs/decisions/judges.md says who they are and why; `accepted` what they find and is meant to be so.
"""
