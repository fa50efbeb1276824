"""What holds for all tests."""

import signal

from hypothesis import settings

# A shell that runs tests in the background lets them ignore Ctrl-C; their children inherit that, and some are
# there to show that Ctrl-C ends them.
signal.signal(signal.SIGINT, signal.default_int_handler)

# A change is judged by the examples that the change before it was judged by; `make fuzz-faces` and
# `make simulate` look for new ones. And a busy machine is no failure: how long an example takes says nothing.
settings.register_profile("tests", derandomize=True, deadline=None)
settings.load_profile("tests")
