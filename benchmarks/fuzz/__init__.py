"""Every reader of files from elsewhere, fed with damaged ones: ``python -m benchmarks.fuzz [--inputs N]``.

A reader may read what it gets or refuse it by the project's own error. Anything else is a finding: another exception, a
crash, more time or memory than the limits, a file opened or written outside the input's folder, a process started.
Inputs are small valid ones (``corpus``), mutated as the seed says (``mutation``), and read in a process of their own
(``child``), which ``parent`` watches.
"""
