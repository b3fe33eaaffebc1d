"""What MMEngine keeps in private attributes: the only place that reads or sets them.

The public properties of a ``Runner`` build what they return. A hook that only asks whether there
is a train loop would build it, with its data set, in a run that tests.
"""

from __future__ import annotations

from collections.abc import Collection

from mmengine.runner import BaseLoop, Runner
from mmengine.visualization import Visualizer
from mmengine.visualization.vis_backend import BaseVisBackend


def is_training_run(runner: Runner) -> bool:
    """Whether the train loop is built, so that the run trains.

    ``runner.train_loop`` would build the loop, and open its data set.
    """
    return isinstance(runner._train_loop, BaseLoop)


def built_loop(runner: Runner) -> BaseLoop | None:
    """The train loop if it is built, else the test loop or the validation loop; None before that.

    ``runner.train_loop``, ``test_loop`` and ``val_loop`` would build them.
    """
    for loop in (runner._train_loop, runner._test_loop, runner._val_loop):
        if isinstance(loop, BaseLoop):
            return loop
    return None


def is_loaded(runner: Runner) -> bool:
    """Whether a checkpoint has been loaded or resumed. No public attribute says so."""
    return runner._has_loaded


def is_resuming(runner: Runner) -> bool:
    """Whether the run resumes.

    ``runner.cfg.resume`` is not the same: a Runner that is not made from a config has none, and
    :func:`resume_from` changes only the runner.
    """
    return runner._resume


def checkpoint_to_load(runner: Runner) -> str | None:
    """The checkpoint to load or to resume from, if one is given.

    ``runner.cfg.load_from`` differs from it as ``runner.cfg.resume`` does from :func:`is_resuming`.
    """
    return runner._load_from


def resume_from(runner: Runner, checkpoint: str | None) -> None:
    """Let a resuming run load this checkpoint, or start from the beginning if there is none.

    ``Runner.resume`` would load the checkpoint at once, before the hooks have checked it.
    """
    if checkpoint is None:
        runner._resume = False
    else:
        runner._load_from = checkpoint


def visualizer_backends(visualizer: Visualizer) -> Collection[BaseVisBackend]:
    """The backends of a visualizer.

    ``Visualizer.get_backend`` needs their names, and no public method lists these.
    """
    return visualizer._vis_backends.values()
