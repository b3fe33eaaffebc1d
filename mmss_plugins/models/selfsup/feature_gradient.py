"""The gradient of the contrastive loss with respect to feature maps, and to nothing else."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn

from mmss_plugins.functional.reduction import full_precision

FeatureGradient = tuple[Tensor, Tensor, Tensor]  # features, gradients, loss


def last_feature_gradient(
    backbone: nn.Module, neck: Any, head: Any, images: Tensor
) -> FeatureGradient:
    """Of the backbone's last feature maps, without a graph of the backbone.

    Behind global average pooling the gradient is the same at all places, so it is computed for the
    pooled features only. That is done in float32 or better, also under autocast. No parameter's
    ``.grad`` is touched, and no hook of data-parallel training is called.

    Args:
        backbone: Gives a tuple of feature maps.
        neck: With ``pool`` and ``project``, as ProjectionNeck.
        head: With ``loss(embeddings)``.
        images: (N, C, H, W).

    Returns:
        The features (N, K, h, w); the gradients up to one positive factor, (N, K, h, w) that share
        the memory of (N, K); and the loss, a scalar.
    """
    with torch.no_grad(), _no_kept_casts(images.device.type):
        features = _feature_maps(backbone(images)[-1])
    with torch.enable_grad(), torch.autocast(images.device.type, enabled=False):
        pooled = neck.pool(full_precision(features)).requires_grad_()
        loss = head.loss(neck.project(pooled))
        (gradients,) = torch.autograd.grad(loss, pooled)
    return features, gradients[:, :, None, None].expand_as(features), loss.detach()


def layer_feature_gradient(
    backbone: nn.Module, neck: Any, head: Any, images: Tensor, layer: str
) -> FeatureGradient:
    """Of the output of a layer inside the backbone; there is a graph from that layer on only.

    From the layer on everything is in float32 or better, also under autocast. No parameter's
    ``.grad`` is touched, and no hook of data-parallel training is called.

    Args:
        backbone: See :func:`last_feature_gradient`.
        neck: Any that makes embeddings (N, D) of the backbone's outputs.
        head: See :func:`last_feature_gradient`.
        images: (N, C, H, W).
        layer: The name of a submodule of the backbone that gives (N, K, h, w).

    Returns:
        As :func:`last_feature_gradient`, but each gradient in full.

    Raises:
        ValueError: If the layer is not run exactly once, or its output does not lead to the loss.
    """
    device = images.device.type
    outputs: list[Tensor] = []
    with ExitStack() as scopes:
        scopes.enter_context(torch.no_grad())
        scopes.enter_context(_no_kept_casts(device))

        def begin_graph(_module: nn.Module, _inputs: tuple, output: Tensor) -> Tensor:
            outputs.append(full_precision(_feature_maps(output)).detach().requires_grad_())
            scopes.enter_context(torch.enable_grad())
            scopes.enter_context(torch.autocast(device, enabled=False))
            return outputs[0].clone()  # what follows may work in place

        handle = backbone.get_submodule(layer).register_forward_hook(begin_graph)
        scopes.callback(handle.remove)
        loss = head.loss(neck(backbone(images)))
        gradients = None
        if len(outputs) == 1 and loss.requires_grad:
            (gradients,) = torch.autograd.grad(loss, outputs[0], allow_unused=True)
        if gradients is None:
            raise ValueError(
                f'guide.layer must be a layer of the backbone that runs once in a forward pass and '
                f'leads to its last output, but {layer!r} ran {len(outputs)} times or leads '
                'elsewhere'
            )
    return outputs[0].detach(), gradients, loss.detach()


def _no_kept_casts(device: str) -> torch.autocast:
    """The present autocast, if there is one, but it casts weights again each time.

    Older versions of PyTorch keep a cast that is made without gradient, which cuts the weight off
    from the loss of the next pass under the same autocast
    (https://github.com/pytorch/pytorch/issues/112583).
    """
    return torch.autocast(device, enabled=torch.is_autocast_enabled(device), cache_enabled=False)


def _feature_maps(features: Tensor) -> Tensor:
    if not isinstance(features, Tensor) or features.ndim != 4:
        found = tuple(features.shape) if isinstance(features, Tensor) else type(features).__name__
        raise ValueError(f'the guide needs feature maps (N, K, h, w), but got {found}')
    return features
