"""Downloading published archives and checkpoints, and unpacking them safely."""
