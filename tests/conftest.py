"""What holds for all tests."""

import signal

# A shell that runs tests in the background lets them ignore Ctrl-C; their children inherit that, and some are
# there to show that Ctrl-C ends them.
signal.signal(signal.SIGINT, signal.default_int_handler)
