"""Run a program, and print the most memory that it held, in MB.

    python -I -S benchmarks/costs/programs/peak.py PROGRAM ARGUMENT…

The kernel counts what a child was started from as the child's own, so this imports next to nothing: what is
below some 10 MB can't be told.
"""

import os
import resource
import sys

child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status = os.waitpid(child, 0)
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit / 1e6)
sys.exit(os.waitstatus_to_exitcode(status))
