"""A program of the project that never ends by itself."""

import sys
import time

from pipeline.processes import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    sys.stdout.write("there\n")
    sys.stdout.flush()
    time.sleep(600)
