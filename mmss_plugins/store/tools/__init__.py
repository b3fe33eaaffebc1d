"""Inspecting, verifying, subsetting, merging and converting stores; see ``mmss store``."""
