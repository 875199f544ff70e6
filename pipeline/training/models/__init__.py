"""Networks: from a query photo and reference views to the logit and the box of an anomaly."""
