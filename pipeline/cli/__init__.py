"""Commands: parse, call, report; no logic."""

import os

# No process that a command starts, now or through a library (workers, their trackers), finds modules in the user's
# current folder: a numpy.py or random.py there would stand in for the real one.
os.environ.setdefault("PYTHONSAFEPATH", "1")
