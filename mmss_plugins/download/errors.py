"""Errors of downloading."""

from mmss_plugins.utils.errors import PrepareUsageError


class DownloadError(PrepareUsageError):
    """A file cannot be fetched, is not the published one, or cannot be unpacked."""


class UnsafeArchiveError(DownloadError):
    """An archive has members that must not be unpacked; nothing of it was."""
