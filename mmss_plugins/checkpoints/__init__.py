"""Checkpoints: names, coverage, transfer."""
