"""Data-parallel training on GPUs as MMEngine does it, and on CPUs, which it does not do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import MMDistributedDataParallel, revert_sync_batchnorm
from torch import nn

from mmss_plugins.registry import MODEL_WRAPPERS


@MODEL_WRAPPERS.register_module()
class AnyDeviceDistributedDataParallel(MMDistributedDataParallel):
    """``MMDistributedDataParallel`` that also takes a model on the CPU.

    A model on the CPU loses the device ids that the Runner passes (they are CUDA's), and its
    synchronised batch normalisation, which is written for GPUs, becomes the ordinary one: the
    statistics are then per process. A model on a GPU is wrapped as MMEngine does it.

    Use it in a config as ``model_wrapper_cfg=dict(type='mmss_plugins.<this class>')``.

    Args:
        module: The model, on its device.
        device_ids: CUDA devices of this process; set by the Runner.
        broadcast_buffers: Whether rank 0's buffers replace the others' before each forward pass.
            Defaults to False, as in the Runner's own wrapping.
        kwargs: As for ``MMDistributedDataParallel``.
    """

    def __init__(
        self,
        module: nn.Module,
        device_ids: Sequence[int | torch.device] | None = None,
        broadcast_buffers: bool = False,
        **kwargs: Any,
    ) -> None:
        if is_on_cpu(module):
            module, device_ids = revert_sync_batchnorm(module), None
        super().__init__(
            module=module, device_ids=device_ids, broadcast_buffers=broadcast_buffers, **kwargs
        )


def is_on_cpu(module: nn.Module) -> bool:
    """True if all parameters and buffers of a module are on the CPU."""
    tensors = [*module.parameters(), *module.buffers()]
    return all(tensor.device.type == 'cpu' for tensor in tensors)
