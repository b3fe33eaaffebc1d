"""Input specification: the bands, units and normalisation that a checkpoint expects."""
