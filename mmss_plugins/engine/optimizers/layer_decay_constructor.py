"""Learning rates that fall from the output of a network to its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.logging import print_log
from mmengine.optim import DefaultOptimWrapperConstructor
from torch import nn

from mmss_plugins.engine.optimizers.layer_depth import decoder_depths, encoder_depths
from mmss_plugins.registry import OPTIM_WRAPPER_CONSTRUCTORS

_OWN = ('encoder_decay', 'decoder_decay', 'encoder', 'decoder')


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """MMEngine's optimizer groups with a learning rate per layer of encoder and decoder.

    With L + 1 layers in the encoder (0 the stem, then ResNet stages or transformer blocks), layer
    i has the rate ``lr * encoder_decay ** (L + 1 - i)``, so its last layer stands one step below
    the decoder. With D layers in the decoder, layer i has ``lr * decoder_decay ** (D - 1 - i)``,
    so its output layer has ``lr``. All else has ``lr``. The other settings of ``paramwise_cfg``
    (``norm_decay_mult``, ``custom_keys`` and so on) hold as always and multiply. Parameters that
    are alike share a group::

        optim_wrapper = dict(
            constructor='mmss_plugins.LayerDecayOptimWrapperConstructor',
            optimizer=dict(type='AdamW', lr=5e-4, weight_decay=0.05),
            paramwise_cfg=dict(encoder_decay=0.75, decoder_decay=0.9),
        )

    A schedule's absolute ``eta_min`` would lift the small rates: use ``eta_min_ratio``.
    Source: layer-wise decay of fine-tuning, BEiT, https://arxiv.org/abs/2106.08254, appendix.

    Args:
        optim_wrapper_cfg: As for ``DefaultOptimWrapperConstructor``; the optimizer has an ``lr``.
        paramwise_cfg: Its settings, and ``encoder_decay`` and ``decoder_decay`` (1 where one
            is missing), ``encoder`` and ``decoder``: the module's name or a sequence of names
            ('backbone' and 'decode_head').

    Raises:
        ValueError: If neither decay is given, one is not in (0, 1], the optimizer has no ``lr``,
            or the model has no such module.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        settings = dict(paramwise_cfg or {})
        own = {name: settings.pop(name) for name in _OWN if name in settings}
        if not {'encoder_decay', 'decoder_decay'} & set(own):
            raise ValueError(
                'LayerDecayOptimWrapperConstructor needs paramwise_cfg=dict(encoder_decay=..., '
                f'decoder_decay=...) with one of them at least, but got {paramwise_cfg}'
            )
        self.encoder_decay = float(own.get('encoder_decay', 1.0))
        self.decoder_decay = float(own.get('decoder_decay', 1.0))
        for name in ('encoder_decay', 'decoder_decay'):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f'{name} must be in (0, 1], but got {getattr(self, name)}')
        self.encoders = _names(own.get('encoder', 'backbone'))
        self.decoders = _names(own.get('decoder', 'decode_head'))
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        if self.base_lr is None:
            raise ValueError("the optimizer's config has no lr to multiply: give it one")

    def add_params(self, params: list[dict], module: nn.Module, prefix: str = '', **kwargs) -> None:
        """Add a module's parameters to the groups; for the whole model, set their rates.

        Args:
            params: The groups, extended in place.
            module: The model or, called by itself, a part of it.
            prefix: The part's name.
            kwargs: Of the base class.
        """
        super().add_params(params, module, prefix=prefix, **kwargs)
        if prefix:
            return
        base_lr: Any = self.base_lr  # __init__ has checked that it is a number
        factors = self._factors(module)
        names = {id(parameter): name for name, parameter in module.named_parameters()}
        for group in params:
            factor = factors.get(names[id(group['params'][0])], 1.0)
            group['lr'] = group.get('lr', base_lr) * factor
        params[:] = _merged(params)
        rates = sorted({group['lr'] for group in params})
        print_log(
            f'layer decay: {len(params)} groups, learning rates '
            f'{", ".join(f"{rate:.3g}" for rate in rates)}',
            logger='current',
        )

    def _factors(self, model: nn.Module) -> dict[str, float]:
        """Factors of the learning rate by parameter name; 1 where a name is missing."""
        modules = dict(model.named_modules())
        unknown = [name for name in (*self.encoders, *self.decoders) if name not in modules]
        if unknown:
            raise ValueError(
                f'paramwise_cfg names the module {unknown[0]!r}, but the model has '
                f'{[name for name in modules if name and "." not in name]}: set encoder and decoder'
            )
        factors = {}
        for prefix in self.encoders:
            depths = encoder_depths(name for name, _ in modules[prefix].named_parameters())
            top = max(depths.values()) + 1
            for name, depth in depths.items():
                factors[f'{prefix}.{name}'] = self.encoder_decay ** (top - depth)
        for prefix in self.decoders:
            depths = decoder_depths(modules[prefix])
            last = max(depths.values(), default=0)
            for name, depth in depths.items():
                factors[f'{prefix}.{name}'] = self.decoder_decay ** (last - depth)
        return factors


def _names(value: str | Sequence[str]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _merged(groups: list[dict]) -> list[dict]:
    """Groups of the same settings as one, in the order of their first parameters."""
    merged: dict[str, dict] = {}
    for group in groups:
        settings = {key: value for key, value in group.items() if key != 'params'}
        key = repr(sorted(settings.items()))
        merged.setdefault(key, {**settings, 'params': []})['params'] += group['params']
    return list(merged.values())
