"""Errors of checkpoint files."""


class CheckpointFileError(RuntimeError):
    """A file is not a checkpoint that can be read, or cannot be written."""
