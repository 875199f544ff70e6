"""One small record, made once."""

from tests.sample_fixtures import dataset, shape

__all__ = ["dataset", "shape"]
