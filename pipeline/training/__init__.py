"""CMT: model, losses, data loading, training and evaluation; reads shards only."""
