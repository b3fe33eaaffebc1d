"""Layer-wise adaptive learning rates around any other optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from mmss_plugins.functional.reduction import full_precision
from mmss_plugins.registry import OPTIMIZERS


@OPTIMIZERS.register_module()
class LARC(Optimizer):
    """Scales each parameter's gradient by the ratio of the norms, then lets an optimizer step.

    For a parameter p with gradient g and weight decay d of its group, g becomes
    ``rate * (g + d p)`` with ``rate = trust_coefficient ||p|| / (||g|| + d ||p|| + eps)``, and the
    wrapped optimizer steps with the group's learning rate and without weight decay of its own.
    With ``clip`` the learning rate itself is limited: the rate becomes ``min(rate / lr, 1)``.
    Where ||p|| or ||g|| is 0, the gradient is left as it is, without weight decay.
    The gradients are changed in place; clip them before (``clip_grad`` of the optimizer wrapper)
    and read them before the step. Under mixed precision they have been unscaled by then.
    Source: LARC, https://arxiv.org/abs/1708.03888.

    The settings of the wrapped optimizer stand beside LARC's own, where MMEngine's
    ``paramwise_cfg`` (``lr_mult``, ``norm_decay_mult`` and so on) looks for them; they are honoured
    per group. The groups and the state are the wrapped optimizer's, so are checkpoints::

        optim_wrapper = dict(
            type='OptimWrapper',
            optimizer=dict(
                type='mmss_plugins.LARC', optimizer='SGD', lr=4.8, momentum=0.9, weight_decay=1e-6
            ),
            paramwise_cfg=dict(norm_decay_mult=0.0),
        )

    Args:
        params: Parameters or parameter groups.
        optimizer: Name or class of the wrapped optimizer. Defaults to 'SGD'.
        trust_coefficient: Of the norms' ratio. Defaults to 1e-3.
        eps: Added to the denominator. Defaults to 1e-8.
        clip: Whether to limit the learning rate instead of scaling it. Defaults to False.
        kwargs: The wrapped optimizer's settings: ``lr``, ``weight_decay``, ``momentum``...

    Raises:
        TypeError: If ``optimizer`` is a config instead of a name.
        ValueError: If ``trust_coefficient`` or ``eps`` is negative.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict],
        optimizer: str | type[Optimizer] = 'SGD',
        trust_coefficient: float = 1e-3,
        eps: float = 1e-8,
        clip: bool = False,
        **kwargs: Any,
    ) -> None:
        if isinstance(optimizer, dict):
            raise TypeError(
                "LARC's optimizer must be the name of an optimizer, but got a config; write its "
                "settings beside it: dict(type='mmss_plugins.LARC', optimizer='SGD', lr=...)"
            )
        for name, value in {'trust_coefficient': trust_coefficient, 'eps': eps}.items():
            if value < 0:
                raise ValueError(f"LARC's {name} must not be negative, but got {value}")
        self.trust_coefficient = trust_coefficient
        self.eps = eps
        self.clip = clip
        self.wrapped = OPTIMIZERS.build(dict(type=optimizer, params=params, **kwargs))
        super().__init__(self.wrapped.param_groups, self.wrapped.defaults)
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step.

        Args:
            closure: Computes the loss and the gradients, if they are not there yet.

        Returns:
            What the closure returns.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        decays = [group.get('weight_decay', 0.0) for group in self.param_groups]
        for group, decay in zip(self.param_groups, decays, strict=True):
            for parameter in group['params']:
                if parameter.grad is not None:
                    self._adapt(parameter, parameter.grad, group['lr'], decay)
        try:
            self._set_decays([0.0] * len(decays))
            self.wrapped.step()
        finally:
            self._set_decays(decays)
        return loss

    def state_dict(self) -> dict[str, Any]:
        """The wrapped optimizer's state."""
        return self.wrapped.state_dict()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Load a state of the wrapped optimizer.

        Args:
            state_dict: What :meth:`state_dict` gave.
        """
        self.wrapped.load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        self.param_groups = self.wrapped.param_groups
        self.state = self.wrapped.state

    def _adapt(self, parameter: Tensor, gradient: Tensor, lr: float, decay: float) -> None:
        """Scale a gradient and add the weight decay, without waiting for the device."""
        norm = torch.linalg.vector_norm(full_precision(parameter))
        gradient_norm = torch.linalg.vector_norm(full_precision(gradient))
        rate = self.trust_coefficient * norm / (gradient_norm + decay * norm + self.eps)
        if self.clip:
            rate = (rate / lr).clamp(max=1)
        plain = (norm == 0) | (gradient_norm == 0)
        pull = (rate * decay).masked_fill(plain, 0)
        gradient.mul_(rate.masked_fill(plain, 1)).add_(parameter * pull)

    def _set_decays(self, decays: list[float]) -> None:
        for group, decay in zip(self.param_groups, decays, strict=True):
            if 'weight_decay' in group:
                group['weight_decay'] = decay
