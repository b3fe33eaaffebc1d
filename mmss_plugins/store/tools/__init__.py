"""Looking at, checking, cutting, joining and converting stores; see ``tools/lmdb.py``."""
