"""Raw data trees to LMDB stores; the command lines are in ``tools/prepare``."""
