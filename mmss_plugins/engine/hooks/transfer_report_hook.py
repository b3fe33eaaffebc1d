"""Checks that pretrained weights are really loaded."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from torch import Tensor

from mmss_plugins.checkpoints.files import state_of
from mmss_plugins.checkpoints.transfer.inflated import inflation_note
from mmss_plugins.checkpoints.transfer.pretrained import pretrained_modules, read_state, unwrapped
from mmss_plugins.checkpoints.transfer.report import (
    TransferError,
    TransferReport,
    likely_reasons,
    transfer_report,
    with_dot,
)
from mmss_plugins.checkpoints.transfer.resume_check import check_resumed
from mmss_plugins.compat.mmengine_state import (
    checkpoint_to_load,
    is_loaded,
    is_resuming,
    is_training_run,
)
from mmss_plugins.registry import HOOKS


@HOOKS.register_module()
class TransferReportHook(Hook):
    """Reports how much of each pretrained module was loaded; anything short of all is an error.

    MMEngine's ``init_cfg=dict(type='Pretrained', ...)`` is never strict: with a wrong stem, band
    count or depth it trains from scratch without an error. This hook compares names and shapes
    before MMEngine loads, and the values before the first iteration. BatchNorm's step counters may
    be missing. Tensors of the checkpoint that the module does not have are named in a warning.
    Where a first convolution was made for other bands (``inflate://``), the report says how.

    ``load_from`` is no stricter: there the checkpoint has to fill the whole model, in training as
    in testing. To start from an encoder, use the ``init_cfg`` of the backbone instead. Where a run
    is resumed, all weights come from its checkpoint, and the log says so: it has to fill the whole
    model, and to hold the state of the same optimizer and schedules.

    A module that converts the checkpoint itself (a ViT that resizes its position embedding) needs
    ``allow_partial``.

    Args:
        allow_partial (bool): Warn instead of raising an error. Defaults to False.
    """

    priority = 'VERY_HIGH'

    def __init__(self, allow_partial: bool = False) -> None:
        self.allow_partial = allow_partial

    def before_run(self, runner) -> None:
        """Compare names and shapes before the weights are loaded."""
        if is_resuming(runner) or is_loaded(runner):
            return
        if checkpoint_to_load(runner) is not None:
            self._check_whole(runner, compare_values=False)
        elif is_training_run(runner):  # testing calls before_run, too
            self._check(runner, compare_values=False)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Compare what a run is resumed from, before it is used."""
        if not is_resuming(runner):
            return
        source = checkpoint_to_load(runner) or runner.work_dir
        model_state = unwrapped(runner.model).state_dict()
        state = {n.removeprefix('module.'): t for n, t in state_of(checkpoint, source).items()}
        report = transfer_report(model_state, state)
        if not report.complete:
            self._report_incomplete(
                runner,
                f'model: {len(report.loaded)} of {report.total} tensors resumed from {source}',
                report,
                model_state,
                state,
                'a run continues with its own config only: take that of the work folder',
            )
        optimizer = runner.optim_wrapper.state_dict()
        check_resumed(checkpoint, optimizer, runner.param_schedulers, source)

    def before_train(self, runner) -> None:
        """Compare values, after all initialisation and before any training step."""
        if not is_loaded(runner):
            self._check(runner, compare_values=True)
        elif checkpoint_to_load(runner) is not None and not is_resuming(runner):
            self._check_whole(runner, compare_values=True)
        elif is_main_process():
            origin = 'the weights were loaded before the run'
            if is_resuming(runner):
                source = checkpoint_to_load(runner) or runner.work_dir
                origin = f'the run is resumed, its weights come from {source}'
            runner.logger.info(f'transfer: {origin}; the init_cfg of no module applies')

    def _check_whole(self, runner, compare_values: bool) -> None:
        model, checkpoint = unwrapped(runner.model), checkpoint_to_load(runner)
        assert checkpoint is not None  # the callers have checked it
        state, model_state = read_state(checkpoint, None), model.state_dict()
        report = transfer_report(model_state, state, compare_values=compare_values)
        headline = (
            f'model: {len(report.loaded)} of {report.total} tensors loaded from {checkpoint} '
            f'(load_from)'
        )
        if not report.complete:
            self._report_incomplete(
                runner,
                headline,
                report,
                model_state,
                state,
                'load_from has to fill the whole model, for what it does not fill stays random: '
                'correct checkpoint or model, or load a part by init_cfg=dict(type='
                "'Pretrained', checkpoint=..., prefix=...) of the module",
            )
        elif compare_values and is_main_process():
            runner.logger.info(f'{headline}; the init_cfg of no module applies')

    def _check(self, runner, compare_values: bool) -> None:
        model = unwrapped(runner.model)
        count = 0
        for count, (name, module, cfg) in enumerate(pretrained_modules(model), 1):  # noqa: B007
            checkpoint, prefix = cfg['checkpoint'], cfg.get('prefix')
            state, module_state = read_state(checkpoint, prefix), module.state_dict()
            report = transfer_report(module_state, state, with_dot(prefix), compare_values)
            headline = (
                f'{name or "model"}: {len(report.loaded)} of {report.total} tensors loaded from '
                f'{checkpoint} (prefix {report.prefix or "none"}){inflation_note(checkpoint)}'
            )
            if not report.complete:
                advice = 'correct checkpoint, prefix or model'
                self._report_incomplete(runner, headline, report, module_state, state, advice)
            elif compare_values and is_main_process():
                runner.logger.info(headline)
                if report.unused:
                    runner.logger.warning(f'{name or "model"}: {report}')
        if not count and compare_values and is_main_process():
            runner.logger.info('transfer: no module has a Pretrained init_cfg, nothing to load')

    def _report_incomplete(
        self,
        runner,
        headline: str,
        report: TransferReport,
        module_state: Mapping[str, Tensor],
        state: Mapping[str, Tensor],
        advice: str,
    ) -> None:
        reasons = '\n'.join(
            f'  - {reason}' for reason in likely_reasons(report, module_state, state)
        )
        message = f'{headline}\n{report}\nLikely reasons:\n{reasons}'
        if not self.allow_partial:
            raise TransferError(
                f'{message}\nWhat to do: {advice}; to continue with what fits, set '
                f"allow_partial=True in the hook 'mmss_plugins.TransferReportHook'"
            )
        if is_main_process():  # both times; MMEngine's logger drops a repeated warning
            runner.logger.warning(message)
