"""Run every benchmark."""

from benchmarks import anomalies, attention, look_before_trace, materials

for benchmark in (anomalies, look_before_trace, materials, attention):
    benchmark.main()
