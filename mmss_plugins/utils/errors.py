"""Errors that stop a command."""


class PrepareUsageError(RuntimeError):
    """A command cannot continue: wrong arguments, layout or index, or a dead worker."""


class WorkerDiedError(PrepareUsageError):
    """A worker process was killed or has crashed."""
