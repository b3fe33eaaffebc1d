"""Train a decoder on an encoder that stays as it is."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from mmss_plugins.checkpoints.transfer.pretrained import unwrapped
from mmss_plugins.registry import HOOKS


@HOOKS.register_module()
class FreezeEncoderHook(Hook):
    """Keeps an encoder's parameters, and if wanted its BatchNorm statistics, as they are.

    Any module of any model can be frozen. The frozen parameters stay in the optimizer, which skips
    them: it moves neither them nor their weight decay. MMSegmentation's ``frozen_stages=4`` of a
    ResNet does the same as this with ``statistics=True``.

    In a config it goes among the default hooks, so that a leaf needs a line::

        default_hooks = dict(encoder=dict(type='mmss_plugins.FreezeEncoderHook'))

    Args:
        prefix: Name of the module, or a sequence of names. Defaults to 'backbone'.
        statistics: True puts the module in evaluation mode while the rest trains: running
            statistics are used and kept, dropout is off. False only stops the parameters: batch
            statistics are used, and the running ones follow the data. Defaults to True.
    """

    def __init__(self, prefix: str | Sequence[str] = 'backbone', statistics: bool = True) -> None:
        self.prefixes = (prefix,) if isinstance(prefix, str) else tuple(prefix)
        self.statistics = statistics
        self._modules: list[nn.Module] = []
        self._trainable: list[nn.Parameter] = []
        self._frozen = False

    def is_frozen(self, epoch: int, iteration: int) -> bool:  # noqa: ARG002
        """Whether the encoder is frozen at an epoch and iteration, both counted from 0."""
        return True

    def before_train(self, runner) -> None:
        """Find the encoder; freeze it.

        Raises:
            ValueError: If the model has no such module.
            TypeError: If the model is in a wrapper that cannot be renewed.
        """
        modules = dict(unwrapped(runner.model).named_modules())
        missing = [name for name in self.prefixes if name not in modules]
        if missing:
            there = [name for name in modules if name and name.count('.') < 2]
            raise ValueError(
                f'{type(self).__name__}: prefix {missing[0]!r} is no module of the model, which '
                f'has {there[:12]}'
            )
        self._modules = [modules[name] for name in self.prefixes]
        self._trainable = [p for m in self._modules for p in m.parameters() if p.requires_grad]
        self._frozen = False
        self._set(runner, self.is_frozen(runner.epoch, runner.iter))

    def before_train_iter(self, runner, batch_idx: int, data_batch=None) -> None:  # noqa: ARG002
        """Keep the statistics: the loops put all of the model in training mode."""
        self._set(runner, self.is_frozen(runner.epoch, runner.iter))
        if self._frozen and self.statistics:
            for module in self._modules:
                module.eval()

    def _set(self, runner, frozen: bool) -> None:
        if frozen == self._frozen:
            return
        self._frozen = frozen
        for parameter in self._trainable:
            parameter.requires_grad_(not frozen)
        if not frozen:
            for module in self._modules:
                module.train()
        _wrap_again(runner)
        if is_main_process():
            how = 'unfrozen'
            if frozen:
                how = f'frozen {"with" if self.statistics else "without"} its BatchNorm statistics'
            runner.logger.info(
                f'encoder {", ".join(self.prefixes)}: {how} at epoch {runner.epoch}, iteration '
                f'{runner.iter} ({len(self._trainable)} parameters)'
            )


def _wrap_again(runner) -> None:
    """Data-parallel training notes at its start which parameters have gradients."""
    if isinstance(runner.model, DistributedDataParallel):
        runner.model = runner.wrap_model(runner.cfg.get('model_wrapper_cfg'), runner.model.module)
    elif is_model_wrapper(runner.model):
        raise TypeError(
            f'an encoder can be frozen in DistributedDataParallel, but the model is wrapped in '
            f'{type(runner.model).__name__}: set model_wrapper_cfg to such a one'
        )
