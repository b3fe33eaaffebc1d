"""Makes sure that pretrained weights are really loaded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import PretrainedInit, is_model_wrapper
from mmengine.runner import BaseLoop, CheckpointLoader
from torch import Tensor, nn

from mmss_plugins.checkpoints.transfer import (
    TransferError,
    TransferReport,
    likely_reasons,
    transfer_report,
    with_dot,
)
from mmss_plugins.registry import HOOKS


def pretrained_modules(model: nn.Module) -> Iterator[tuple[str, nn.Module, Mapping]]:
    """The modules that are to be initialised from a checkpoint.

    Args:
        model: Any model; modules without ``init_cfg`` are passed over.

    Yields:
        Name ('' for the model itself), module and init_cfg of type 'Pretrained'.
    """
    for name, module in model.named_modules():
        configs = getattr(module, 'init_cfg', None) or []
        for cfg in [configs] if isinstance(configs, Mapping) else configs:
            kind = cfg.get('type')
            if kind is PretrainedInit or str(kind).rpartition('.')[2] == 'Pretrained':
                yield name, module, cfg


def read_state(checkpoint: str, prefix: str | None) -> dict[str, Tensor]:
    """The state dict of a checkpoint, named as MMEngine's Pretrained initialisation sees it.

    Args:
        checkpoint: A file, or whatever else MMEngine can load from (a URL, 'torchvision://...').
        prefix: Of the init_cfg; without one, MMEngine drops a leading 'module.'.

    Returns:
        Tensors by name.
    """
    if Path(checkpoint).is_file():
        content = torch.load(checkpoint, map_location='cpu', weights_only=True)
    else:
        content = CheckpointLoader.load_checkpoint(checkpoint, map_location='cpu', logger=None)
    state = content.get('state_dict', content)
    if not prefix:
        state = {re.sub(r'^module\.', '', name): tensor for name, tensor in state.items()}
    return {name: tensor for name, tensor in state.items() if isinstance(tensor, Tensor)}


@HOOKS.register_module()
class TransferReportHook(Hook):
    """Reports how much of each pretrained module was loaded; anything short of all is an error.

    MMEngine's ``init_cfg=dict(type='Pretrained', ...)`` is never strict: with a wrong stem, band
    count or depth it trains from scratch in silence. This hook compares names and shapes before
    MMEngine loads, and the values before the first iteration. BatchNorm's step counters may be
    missing. Tensors of the checkpoint that the module has no place for are named in a warning.

    Where a run is resumed, or ``load_from`` is set, the weights come from that checkpoint instead:
    then the log says so. A module that converts the checkpoint itself (a ViT that resizes its
    position embedding) needs ``allow_partial``.

    Args:
        allow_partial (bool): Warn instead of raising an error. Defaults to False.
    """

    priority = 'VERY_HIGH'

    def __init__(self, allow_partial: bool = False) -> None:
        self.allow_partial = allow_partial

    def before_run(self, runner) -> None:
        """Compare names and shapes before the weights are loaded."""
        training = isinstance(runner._train_loop, BaseLoop)  # testing calls before_run, too
        if training and not runner._resume and runner._load_from is None:
            self._check(runner, compare_values=False)

    def before_train(self, runner) -> None:
        """Compare values, after all initialisation and before any training step."""
        if not runner._has_loaded:
            self._check(runner, compare_values=True)
        elif is_main_process():
            runner.logger.info(
                f'transfer: the weights come from {runner._load_from or runner.work_dir} '
                f'(resume or load_from); the init_cfg of no module applies'
            )

    def _check(self, runner, compare_values: bool) -> None:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        count = 0
        for count, (name, module, cfg) in enumerate(pretrained_modules(model), 1):  # noqa: B007
            checkpoint, prefix = cfg['checkpoint'], cfg.get('prefix')
            state, module_state = read_state(checkpoint, prefix), module.state_dict()
            report = transfer_report(module_state, state, with_dot(prefix), compare_values)
            headline = (
                f'{name or "model"}: {len(report.loaded)} of {report.total} tensors loaded from '
                f'{checkpoint} (prefix {report.prefix or "none"})'
            )
            if not report.complete:
                self._fall_short(runner, headline, report, module_state, state)
            elif compare_values and is_main_process():
                runner.logger.info(headline)
                if report.unused:
                    runner.logger.warning(f'{name or "model"}: {report}')
        if not count and compare_values and is_main_process():
            runner.logger.info('transfer: no module has a Pretrained init_cfg, nothing to load')

    def _fall_short(
        self,
        runner,
        headline: str,
        report: TransferReport,
        module_state: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
    ) -> None:
        reasons = '\n'.join(
            f'  - {reason}' for reason in likely_reasons(report, module_state, state)
        )
        message = f'{headline}\n{report}\nLikely reasons:\n{reasons}'
        if not self.allow_partial:
            raise TransferError(
                f'{message}\nCorrect checkpoint, prefix or model; to train with what fits, set '
                f"allow_partial=True in the hook 'mmss_plugins.TransferReportHook'"
            )
        if is_main_process():  # both times; MMEngine's logger drops a repeated warning
            runner.logger.warning(message)
