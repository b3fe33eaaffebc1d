"""Stops a run whose values are not finite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from mmengine.hooks import Hook
from torch import Tensor

from mmss_plugins.checkpoints.transfer.pretrained import unwrapped
from mmss_plugins.compat.mmengine_state import checkpoint_to_load
from mmss_plugins.models.segmentors.batch_checks import (
    finite_samples,
    non_finite_names,
    sample_names,
)
from mmss_plugins.registry import HOOKS

OUTPUT_FIELDS = ('seg_logits', 'pred_score', 'pred_scores')  # of MMSegmentation and MMPretrain
_STATISTICS = ('running_mean', 'running_var')
_SHOWN = 6


@HOOKS.register_module()
class FiniteValuesHook(Hook):
    """Stops training at a loss that is NaN or infinite, and testing at such inputs or outputs.

    It works with any model of MMEngine: each value of the model's training output whose name holds
    'loss' is checked in every iteration. This costs nothing more, for MMEngine reads these values
    for its log in every iteration as well. The error names iteration, epoch and samples. Weights
    are checked before they are saved and before a test, so there is no checkpoint of broken
    weights, and none is tested. In validation and test, the inputs and the scores of each sample
    (``seg_logits``, ``pred_score``) are checked.

    In a config it goes among the default hooks::

        default_hooks = dict(finite=dict(type='mmss_plugins.FiniteValuesHook'))

    Raises:
        FloatingPointError: At a value that is not finite.
    """

    priority = 'VERY_HIGH'

    def after_train_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:  # noqa: ARG002
        """Check the losses."""
        wrong = non_finite_losses(outputs)
        if not wrong:
            return
        found = ', '.join(f'{name} = {value}' for name, value in wrong.items())
        place = f'iteration {runner.iter + 1} of the run (epoch {runner.epoch + 1})'
        saved = runner.message_hub.runtime_info.get('last_ckpt')
        last = f'The last checkpoint is {saved}' if saved else 'There is no checkpoint of this run'
        raise FloatingPointError(
            f'{place}: the loss is not finite: {found}. {_reason(data_batch)}. These weights are '
            f'not saved. {last}'
        )

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:  # noqa: ARG002
        """Check the weights."""
        found = _broken_weights(runner)
        if found:
            raise FloatingPointError(
                f'after iteration {runner.iter} (epoch {runner.epoch}) the weights are not finite: '
                f'{found}. No checkpoint of them is saved: the training diverged, so lower the '
                'learning rate or clip gradients (optim_wrapper.clip_grad)'
            )

    def before_test(self, runner) -> None:
        """Check the weights."""
        found = _broken_weights(runner)
        if found:
            source = checkpoint_to_load(runner) or 'the model as it was built'
            raise FloatingPointError(
                f'the weights to test are not finite: {found}. They come from {source}: take an '
                'earlier checkpoint'
            )

    def before_test_iter(self, runner, batch_idx: int, data_batch=None) -> None:  # noqa: ARG002
        """Check the inputs."""
        _check_inputs(data_batch)

    def before_val_iter(self, runner, batch_idx: int, data_batch=None) -> None:  # noqa: ARG002
        """Check the inputs."""
        _check_inputs(data_batch)

    def after_test_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:  # noqa: ARG002
        """Check the outputs."""
        _check_outputs(outputs)

    def after_val_iter(self, runner, batch_idx: int, data_batch=None, outputs=None) -> None:  # noqa: ARG002
        """Check the outputs."""
        _check_outputs(outputs)


def non_finite_losses(outputs: Mapping | None) -> dict[str, float]:
    """The values of a training step's output that should be finite and are not, by name.

    Args:
        outputs: Numbers or tensors by name; all whose name holds 'loss' count, as in MMEngine.
    """
    if not isinstance(outputs, Mapping):
        return {}
    losses = {name: value for name, value in outputs.items() if 'loss' in name}
    values = {name: torch.as_tensor(value).float().sum().item() for name, value in losses.items()}
    return {name: v for name, v in values.items() if not torch.tensor(v).isfinite()}


def _reason(data_batch: object) -> str:
    inputs, samples = _parts(data_batch)
    if inputs is None:
        return 'Look at the data for values that are no numbers, and at the learning rate'
    finite = finite_samples(inputs)
    if not finite.all():
        return (
            f'The inputs of the samples {sample_names(samples, ~finite)} hold values that are NaN '
            'or infinite: correct these samples, or remove them from the data set'
        )
    names = sample_names(samples, torch.ones_like(finite)).split(', ')
    shown = ', '.join(names[:_SHOWN]) + (', ...' if len(names) > _SHOWN else '')
    return (
        f'The inputs of this process are finite (samples {shown}), so the training diverged: lower '
        'the learning rate, warm it up for longer, or clip gradients (optim_wrapper.clip_grad)'
    )


def _check_inputs(data_batch: object) -> None:
    inputs, samples = _parts(data_batch)
    if inputs is None:
        return
    finite = finite_samples(inputs)
    if not finite.all():
        raise FloatingPointError(
            f'the inputs of the samples {sample_names(samples, ~finite)} hold values that are NaN '
            'or infinite, so there is no result for them: correct these samples, or remove '
            'them from the data set'
        )


def _check_outputs(outputs: Sequence | None) -> None:
    samples = [sample for sample in outputs or () if hasattr(sample, 'metainfo')]
    broken = torch.tensor([not _finite_output(sample) for sample in samples], dtype=torch.bool)
    if broken.any():
        raise FloatingPointError(
            f'the predictions of the samples {sample_names(samples, broken)} are NaN or infinite, '
            'though the inputs are finite: the weights are broken, or values overflow in half '
            'precision. Take an earlier checkpoint'
        )


def _finite_output(sample) -> bool:
    fields = [sample.get(name) for name in OUTPUT_FIELDS if name in sample]
    tensors = [getattr(field, 'data', field) for field in fields]
    return not non_finite_names(('', t) for t in tensors if isinstance(t, Tensor))


def _parts(data_batch: object) -> tuple[Tensor | Sequence | None, Sequence | None]:
    """Inputs and data samples of a batch; None for what it does not have."""
    if not isinstance(data_batch, Mapping) or not len(data_batch.get('inputs', ())):
        return None, None
    samples = data_batch.get('data_samples')
    if samples and isinstance(samples[0], (list, tuple)):  # views of test-time augmentation
        samples = samples[0]
    return data_batch['inputs'], samples


def _broken_weights(runner) -> str:
    """Names of tensors that are not finite; '' if all are. Masks of -inf are no weights."""
    model = unwrapped(runner.model)
    buffers = (item for item in model.named_buffers() if item[0].endswith(_STATISTICS))
    names = non_finite_names([*model.named_parameters(), *buffers])
    more = f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''
    return ', '.join(names[:_SHOWN]) + more
