"""Errors of preparation."""


class PrepareError(RuntimeError):
    """One sample cannot be used: it is reported and left out whole, the rest goes on."""


class PrepareUsageError(RuntimeError):
    """Preparation cannot go on at all: wrong arguments, layout or index, or a dead worker."""


class WorkerDiedError(PrepareUsageError):
    """A worker process was killed or has crashed."""
