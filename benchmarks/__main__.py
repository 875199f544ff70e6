"""Run every benchmark."""

from benchmarks import anomalies, look_before_trace

for benchmark in (anomalies, look_before_trace):
    benchmark.main()
