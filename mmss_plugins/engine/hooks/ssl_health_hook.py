"""Checks whether contrastive training collapses, and how good its features are."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from mmengine.dist import broadcast, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop

from mmss_plugins.checkpoints.transfer.pretrained import unwrapped
from mmss_plugins.evaluation.feature_probe_run import FeatureProbe
from mmss_plugins.functional.ssl_health import effective_rank, embedding_std
from mmss_plugins.models.selfsup.embedding_recorder import (
    EmbeddingRecorder,
    is_self_supervised,
)
from mmss_plugins.registry import HOOKS

LOW_CHECKS = 'ssl_low_checks'  # message hub: consecutive checks with too little spread


@HOOKS.register_module()
class SSLHealthHook(Hook):
    """Logs the spread and the rank of the embeddings, and the accuracy of a probe.

    ``ssl/embedding_std`` is 1 where the normalised embeddings are spread uniformly and 0 where they
    are all the same; ``ssl/effective_rank`` is the number of dimensions that they fill, at most
    min(2B - 1, D) for the two views of B images (see :mod:`mmss_plugins.functional.ssl_health`). In
    distributed training they are those of the first process's own batch, on every process.

    It works with GraSS and MMPretrain's self-supervised algorithms;
    :class:`~mmss_plugins.models.selfsup.embedding_recorder.EmbeddingRecorder` defines what counts
    as embeddings there. Where an algorithm gives none, the hook logs this and continues with the
    probe.

    With ``probe``, patches with labels are classified by the encoder's pooled features now and
    then: ``ssl/probe_accuracy``, ``ssl/probe_class_accuracy`` (mean over the classes) and
    ``ssl/probe_majority`` (what the most frequent class alone would reach). It is done in
    evaluation mode and leaves random generators and BatchNorm as they were. In distributed training
    every process does all of it, in the same way and without waiting for the others; that of
    the first is logged.

    Training itself is never changed: losses are the same with the hook and without.

    Args:
        interval (int): Check the embeddings every so many iterations. Defaults to 50.
        by_epoch (bool): Every so many epochs instead, in the last iteration. Defaults to False.
        pool (int): Take the embeddings of so many iterations up to the check, because
            a small batch has too few. The weights move on in between, which adds to the rank.
            Defaults to 1.
        warn_std (float): Below it, relative to the uniform spread, embeddings count as collapsed;
            0 for no warning. Defaults to 0.1.
        patience (int): Warn after so many such checks in a row (and again after as many).
            Defaults to 5.
        stop (bool): End training with an error instead of the warning. Defaults to False.
        probe (dict | None): Arguments of :class:`mmss_plugins.evaluation.feature_probe_run.
            FeatureProbe`, and ``interval``: probe after every so many epochs (default 10), or
            iterations in loops that count those, and at the end of training.

    Raises:
        ValueError: If an argument is out of its range.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        interval: int = 50,
        by_epoch: bool = False,
        pool: int = 1,
        warn_std: float = 0.1,
        patience: int = 5,
        stop: bool = False,
        probe: Mapping | None = None,
    ) -> None:
        options = dict(probe or {})
        self.probe_interval = options.pop('interval', 10)
        numbers = {
            'interval': interval,
            'pool': pool,
            'patience': patience,
            'interval of the probe': self.probe_interval,
        }
        for name, value in numbers.items():
            if value < 1:
                raise ValueError(f'{name} must be 1 or more, but got {value!r}')
        if not by_epoch and pool > interval:
            raise ValueError(f'pool must be at most interval ({interval}), but got {pool}')
        if not 0 <= warn_std < 1:
            raise ValueError(f'warn_std must be in [0, 1), but got {warn_std!r}')
        if probe is not None and 'dataset' not in options:
            raise ValueError(f'probe must have a dataset, but has {sorted(options)}')
        self.interval, self.by_epoch, self.pool = interval, by_epoch, pool
        self.warn_std, self.patience, self.stop = warn_std, patience, stop
        self._probe_options = options if probe is not None else None
        self._probe: FeatureProbe | None = None
        self._recent: list[torch.Tensor] = []
        self._recorder: EmbeddingRecorder | None = None

    def before_train(self, runner) -> None:
        """Check the model, and open the probe's data, so that a mistake is an error now.

        Raises:
            TypeError: If the model has no backbone whose output can be recorded.
            ValueError: If epochs are to be counted and the loop has none.
        """
        model = unwrapped(runner.model)
        if not is_self_supervised(model):
            raise TypeError(
                'SSLHealthHook checks the embeddings of self-supervised models with a backbone, '
                f'but {type(model).__name__} has none: take the hook out of custom_hooks'
            )
        if self.by_epoch and isinstance(runner.train_loop, IterBasedTrainLoop):
            raise ValueError(
                'SSLHealthHook counts epochs (by_epoch=True), but the train loop '
                f'{type(runner.train_loop).__name__} counts iterations: set by_epoch=False'
            )
        self._recent = []
        if self._probe_options is not None:
            self._probe = FeatureProbe(**self._probe_options)

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:  # noqa: ARG002
        """Record the embeddings of the model."""
        left = self._until_due(runner, batch_idx)
        if left is not None and left < self.pool:
            self._recorder = EmbeddingRecorder(unwrapped(runner.model))

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:  # noqa: ARG002
        """Check the embeddings; probe in loops that count iterations."""
        if self._recorder is not None:
            embeddings, self._recorder = self._recorder.close(), None
            if embeddings is not None:
                self._recent.append(embeddings)
            if self._until_due(runner, batch_idx) == 0:
                self._check(runner)
        if isinstance(runner.train_loop, IterBasedTrainLoop) and (
            self.every_n_train_iters(runner, self.probe_interval) or self.is_last_train_iter(runner)
        ):
            self._run_probe(runner, runner.iter + 1)

    def after_train_epoch(self, runner) -> None:
        """Probe in loops that count epochs."""
        if not isinstance(runner.train_loop, IterBasedTrainLoop) and (
            self.every_n_epochs(runner, self.probe_interval) or self.is_last_train_epoch(runner)
        ):
            self._run_probe(runner, runner.iter)

    def _until_due(self, runner, batch_idx: int) -> int | None:
        """Iterations until the next check, 0 if this is it; None if there is none in this epoch."""
        if not self.by_epoch:
            return (-runner.iter - 1) % self.interval
        if not self.every_n_epochs(runner, self.interval):
            return None
        return len(runner.train_dataloader) - 1 - batch_idx

    def _check(self, runner) -> None:
        if not self._recent:
            runner.logger.warning(
                f'SSLHealthHook found no embeddings in {type(unwrapped(runner.model)).__name__}: '
                'neither neck nor backbone gave one vector per image when called (a compiled model '
                'hides them: run without compile). Spread and rank are not reported'
            )
            return
        rows = F.normalize(torch.cat(self._recent).float(), dim=1)
        values = torch.stack([embedding_std(self._recent[-1]).double(), effective_rank(rows)])
        self._recent = []
        broadcast(values)  # all processes take the same decision
        std, rank = values.tolist()
        step = runner.iter + 1
        self._write(runner, {'ssl/embedding_std': std, 'ssl/effective_rank': rank}, step)
        low = not std >= self.warn_std  # NaN as well
        checks = runner.message_hub.runtime_info.get(LOW_CHECKS, 0) + 1 if low else 0
        runner.message_hub.update_info(LOW_CHECKS, checks)
        if checks and self.warn_std and checks % self.patience == 0:
            message = (
                f'iteration {step}: the embeddings are collapsing: their standard '
                f'deviation is {std:.3f} of the uniform one, below warn_std={self.warn_std} in '
                f'{checks} checks in a row (effective rank {rank:.1f} of at most '
                f'{min(len(rows) - 1, rows.shape[1])}). Try a lower learning rate or a longer '
                'warm-up of it, a larger batch, a lower temperature, stronger augmentation, or a '
                'later begin of gradient-guided sampling'
            )
            if self.stop:
                raise RuntimeError(message)
            runner.logger.warning(message)

    def _run_probe(self, runner, step: int) -> None:
        if self._probe is None:
            return
        scores = self._probe(unwrapped(runner.model))
        tags = {
            'ssl/probe_accuracy': scores.accuracy,
            'ssl/probe_class_accuracy': scores.class_accuracy,
            'ssl/probe_majority': scores.majority,
        }
        self._write(runner, tags, step)

    def _write(self, runner, tags: Mapping[str, float], step: int) -> None:
        for tag, value in tags.items():
            runner.message_hub.update_scalar(tag, value)
        if is_main_process():
            runner.visualizer.add_scalars(dict(tags), step=step)
            shown = ', '.join(f'{tag.partition("/")[2]} {value:.3f}' for tag, value in tags.items())
            runner.logger.info(f'iteration {step}: {shown}')
