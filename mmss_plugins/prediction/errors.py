"""Errors of prediction on scenes."""


class SceneError(RuntimeError):
    """A scene cannot be predicted. The message names the file, what was expected and found."""
