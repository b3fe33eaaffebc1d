"""Looking at, checking, cutting, joining and converting stores; see ``mmss store``."""
