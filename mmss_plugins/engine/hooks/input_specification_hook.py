"""Saves in checkpoints what inputs they were trained on, and compares it when they are loaded."""

from __future__ import annotations

import warnings
from collections.abc import Collection, Mapping

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from torch import nn

from mmss_plugins.checkpoints.spec.input_specification import (
    SPECIFICATION_KEY,
    InputSpecification,
    InputSpecificationError,
    specification_of,
)
from mmss_plugins.checkpoints.spec.run_specification import run_specification, with_method
from mmss_plugins.checkpoints.spec.specification_difference import compare, difference_text
from mmss_plugins.checkpoints.transfer.pretrained import pretrained_modules, read_content, unwrapped
from mmss_plugins.checkpoints.transfer.stem_channels import stem_channels
from mmss_plugins.compat.mmengine_state import built_loop, is_loaded, is_training_run
from mmss_plugins.engine.resumed_file import resumed_file
from mmss_plugins.registry import HOOKS

_ENCODERS = 'backbones'  # of CrossModalSegmentor: one submodule per modality


@HOOKS.register_module(name=['InputSpecificationHook', 'InputContractHook'])
class InputSpecificationHook(Hook):
    """Writes the input specification into checkpoints and compares it with the data on loading.

    The specification lists, per modality, the bands in order, their unit and normalisation (the
    data preprocessor's included), the class names, and for information the method and its
    settings. It is taken from the training data set, if that is one of ours.

    Before anything is loaded (``resume``, ``load_from``, testing, ``init_cfg`` of type
    'Pretrained'), the checkpoint's specification is compared with that of the run's own data, and
    any difference is an error that shows both sides. An encoder under the prefix 'backbones.s2.'
    is compared with that modality's part. Class names count only where a whole model is loaded.
    Where the checkpoint has no specification, or the data set is not one of ours, a line of the
    log says so. A ResNet whose stem takes another number of channels than the data have is an
    error as well.

    Args:
        allow_mismatch (bool): Warn instead of raising an error. Defaults to False.
        allow_contract_mismatch (bool, optional): Its name in version 0.1, kept until 0.3.
    """

    priority = 'HIGHEST'  # before TransferReportHook: other bands explain other shapes

    def __init__(
        self, allow_mismatch: bool = False, allow_contract_mismatch: bool | None = None
    ) -> None:
        if allow_contract_mismatch is not None:
            warnings.warn(
                'allow_contract_mismatch is now allow_mismatch; the old name goes in version 0.3',
                DeprecationWarning,
                stacklevel=2,
            )
            allow_mismatch = allow_contract_mismatch
        self.allow_mismatch = allow_mismatch
        self._loaded: InputSpecification | None = None  # of a whole model that was loaded early
        self._checked: list[InputSpecification | None] = []

    def before_run(self, runner) -> None:
        """Compare what is going to be loaded."""
        found = self._run_specification(runner)  # an error if data sets contradict each other
        self._check_loaded(runner)
        _check_channels(unwrapped(runner.model), found)

    def _check_loaded(self, runner) -> None:
        if is_loaded(runner):
            if self._loaded is not None:
                self._check_whole(runner, self._loaded, 'the loaded checkpoint')
            return
        file = resumed_file(runner)
        if file is not None:
            self._check_whole(runner, self._specification(runner, file), file)
        elif is_training_run(runner):
            self._check_modules(runner)

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Compare a checkpoint that is loaded by another way than the config's."""
        spec = self._specification(runner, 'the loaded checkpoint', checkpoint)
        if _dataset(runner) is None:
            self._loaded = spec  # there are no data yet to compare with
        else:
            self._check_whole(runner, spec, 'the loaded checkpoint')

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Add the specification of the run's training data."""
        spec = self._run_specification(runner)
        if spec is not None:
            spec = with_method(spec, unwrapped(runner.model), runner.cfg)
            checkpoint.setdefault('meta', {})[SPECIFICATION_KEY] = spec.to_dict()

    def _specification(
        self, runner, file: str, content: Mapping | None = None
    ) -> InputSpecification | None:
        try:
            return specification_of(read_content(file) if content is None else content, file)
        except InputSpecificationError as error:
            self._mismatch(runner, str(error))
            return None

    def _check_whole(self, runner, spec: InputSpecification | None, file: str) -> None:
        if spec in self._checked:
            return
        self._checked.append(spec)
        found = self._run_specification(runner)
        if spec is None or found is None:
            self._inform_missing(runner, spec, f'model from {file}')
            return
        alone = _alone(runner, found)
        spec = spec.select(alone) if alone else spec
        self._compare(runner, spec, found, f'model from {file}', classes=True)

    def _check_modules(self, runner) -> None:
        model = unwrapped(runner.model)
        found = self._run_specification(runner)
        for name, _module, cfg in pretrained_modules(model):
            file, prefix = cfg['checkpoint'], (cfg.get('prefix') or '').rstrip('.')
            spec = self._specification(runner, file)
            what = f'{name or "model"} from {file} (prefix {prefix or "none"})'
            if spec is None or found is None:
                self._inform_missing(runner, spec, what)
                continue
            saved, own = _seen(prefix, spec.modalities), _seen(name, found.modalities)
            if saved is None or own is None:
                self._inform(
                    runner, f'input specification: {what} is not an encoder, or of no modality'
                )
                continue
            self._compare(runner, spec.select(saved), found.select(own), what, classes=not name)

    def _run_specification(self, runner) -> InputSpecification | None:
        try:
            model = unwrapped(runner.model)
            return run_specification(_dataset(runner), getattr(model, 'data_preprocessor', None))
        except InputSpecificationError as error:
            self._mismatch(runner, str(error))
            return None

    def _inform_missing(self, runner, spec: InputSpecification | None, what: str) -> None:
        reason = 'has one, but the data set of the run does not give its bands'
        if spec is None:
            reason = 'carries none, bands are not compared'
        self._inform(runner, f'input specification: {what} {reason}')

    def _compare(
        self, runner, spec: InputSpecification, found: InputSpecification, what: str, classes: bool
    ) -> None:
        rows = compare(spec, found, classes)
        if not any(row.differs for row in rows):
            self._inform(runner, f'input specification: {what} fits the data')
            return
        self._mismatch(
            runner,
            f'input specification: {what} was trained on other inputs than the run gives:\n'
            f'{difference_text(rows)}',
        )

    def _mismatch(self, runner, message: str) -> None:
        if not self.allow_mismatch:
            raise InputSpecificationError(
                f'{message}\nTo continue all the same, set allow_mismatch=True in the hook '
                f"'mmss_plugins.InputSpecificationHook'"
            )
        if is_main_process():
            runner.logger.warning(message)

    def _inform(self, runner, message: str) -> None:
        if is_main_process():
            runner.logger.info(message)


def _dataset(runner) -> object | None:
    """The data set that the run trains on, or else tests or validates on; None before that."""
    loop = built_loop(runner)
    return None if loop is None else loop.dataloader.dataset


def _check_channels(model: nn.Module, found: InputSpecification | None) -> None:
    backbone = getattr(model, 'backbone', None)
    wanted = None if backbone is None else stem_channels(backbone)
    if found is None or wanted is None:
        return
    bands = [band for entry in found.modalities.values() for band in entry.bands]
    if wanted != len(bands):
        raise InputSpecificationError(
            f'the data set gives {len(bands)} channels ({", ".join(bands)}), but the first '
            f'convolution of the backbone takes {wanted}: set '
            f'model.backbone.in_channels={len(bands)}, or choose other bands'
        )


def _alone(runner, found: InputSpecification) -> tuple[str, ...] | None:
    """The one modality that a cross-modal model is tested on, None if that is not so."""
    alone = getattr(unwrapped(runner.model), 'predict_from', None)
    if alone is None or is_training_run(runner) or tuple(found.modalities) != (alone,):
        return None
    return (alone,)


def _seen(place: str, modalities: Collection[str]) -> tuple[str, ...] | None:
    """The modalities whose bands a module gets.

    Args:
        place: Its name in the model, or the prefix of its tensors in a checkpoint.
        modalities: All that there are.

    Returns:
        Names; None for a module that does not get images, or where it is unknown.
    """
    parts = place.split('.')
    if _ENCODERS in parts[:-1]:
        branch = parts[parts.index(_ENCODERS) + 1]
        if branch in modalities:
            return (branch,)
        return tuple(modalities) if branch == 'common' else None
    return tuple(modalities) if parts[-1] in ('', 'backbone', 'encoder', 'module') else None
