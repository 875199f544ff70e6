"""Run every benchmark."""

from benchmarks import anomalies, look_before_trace, materials

for benchmark in (anomalies, look_before_trace, materials):
    benchmark.main()
