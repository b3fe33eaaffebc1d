"""Where to crop views: the guide pass of gradient-guided sampling."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmss_plugins.functional import crop_resize, da_crop_boxes, loss_attention_map, map_entropy
from mmss_plugins.models.selfsup.batch_statistics import running_statistics_kept
from mmss_plugins.models.selfsup.feature_gradient import (
    last_feature_gradient,
    layer_feature_gradient,
)

STATISTICS = ('once', 'twice')
DEGENERATE = ('keep', 'published')
VIEWS = 2


@dataclass(frozen=True)
class Guidance:
    """What the guide found; without gradients.

    Attributes:
        maps: (2B, h, w), loss attention maps at the size of the features.
        degenerate: (2B,) bool.
        boxes: (2B, 4) int64, [row0, col0, row1, col1) in pixels of the views.
        crops: (2B, C, H, W).
        loss: Of the guide pass, a scalar.
        guided: (2B,) bool, the rows of the views that are guided.
    """

    maps: Tensor
    degenerate: Tensor
    boxes: Tensor
    crops: Tensor
    loss: Tensor
    guided: Tensor

    def monitors(self) -> dict[str, Tensor]:
        """Means over the guided views, see :class:`~mmss_plugins.models.selfsup.GraSS`."""
        height, width = self.crops.shape[2:]
        row0, col0, row1, col1 = self.boxes[self.guided].unbind(1)
        area = ((row1 - row0) * (col1 - col0)).float() / (height * width)
        return {
            'crop_area': area.mean(),
            'kept_fraction': (area == 1).float().mean(),
            'degenerate_fraction': self.degenerate[self.guided].float().mean(),
            'map_entropy': map_entropy(self.maps[self.guided]).mean(),
        }


@dataclass(frozen=True)
class GradientGuide:
    """Crops views to what the contrastive loss comes from.

    One forward pass without a graph of the encoder gives features; the gradient of the loss with
    respect to them, which flows through the projector only, gives the maps, and these the crops.

    Args:
        ratio: See :func:`~mmss_plugins.functional.da_crop_boxes`. Defaults to 0.5.
        layer: Name of the backbone's layer whose output makes the maps, such as 'layer3'; None for
            the backbone's last output (default). An earlier layer has finer maps and needs a graph
            from there on.
        scale: Size of the views in the guide pass relative to the true one, in (0, 1].
            Defaults to 1.
        views: Which of the two views are cropped; the others stay whole. Defaults to both.
        batch_norm: 'once': the guide pass leaves BatchNorm's running statistics alone (default);
            'twice': it updates them as the training pass does. Both use the batch's statistics.
        degenerate: 'keep': views without a usable map stay whole (default); 'published': a map that
            is negative everywhere is divided by its maximum all the same, which crops the view to
            its lowest place. Maps that are not finite keep the view in any case.

    Raises:
        ValueError: If an option is none of these.
    """

    ratio: float = 0.5
    layer: str | None = None
    scale: float = 1.0
    views: Sequence[int] = (0, 1)
    batch_norm: str = 'once'
    degenerate: str = 'keep'

    def __post_init__(self) -> None:
        _check('ratio', self.ratio, 'in [0, 1)', 0 <= self.ratio < 1)
        _check('scale', self.scale, 'in (0, 1]', 0 < self.scale <= 1)
        several = isinstance(self.views, Sequence) and len(self.views) > 0
        known = several and set(self.views) <= set(range(VIEWS))
        _check('views', self.views, '(0,), (1,) or (0, 1)', known)
        _check('batch_norm', self.batch_norm, f'one of {STATISTICS}', self.batch_norm in STATISTICS)
        _check('degenerate', self.degenerate, f'one of {DEGENERATE}', self.degenerate in DEGENERATE)

    def check_layer(self, backbone: nn.Module) -> None:
        """Refuse a layer that the backbone does not have.

        Raises:
            ValueError: If there is none of the name.
        """
        names = [name for name, _ in backbone.named_modules() if name]
        if self.layer is not None and self.layer not in names:
            children = [name for name, _ in backbone.named_children()]
            raise ValueError(
                f'guide.layer must be a layer of {type(backbone).__name__} such as one of '
                f'{children}, but got {self.layer!r}'
            )

    @torch.no_grad()
    def __call__(
        self, backbone: nn.Module, neck: nn.Module, head: nn.Module, views: Tensor
    ) -> Guidance:
        """Guide and crop. No parameter, gradient or, with 'once', statistic changes.

        Args:
            backbone: Gives a tuple of feature maps.
            neck: As ProjectionNeck.
            head: With ``loss(embeddings)``.
            views: (2B, C, H, W), view-major. H and W need not be equal.

        Returns:
            Boxes, crops and what led to them.
        """
        size = (views.shape[2], views.shape[3])
        kept = self.batch_norm == 'once'
        with running_statistics_kept(backbone, neck) if kept else nullcontext():
            given = backbone, neck, head, self._guide_views(views)
            if self.layer is None:
                features, gradients, loss = last_feature_gradient(*given)
            else:
                features, gradients, loss = layer_feature_gradient(*given, self.layer)
        maps, degenerate = loss_attention_map(
            features, gradients, keep_negative=self.degenerate == 'published'
        )
        guided = torch.zeros(VIEWS, len(views) // VIEWS, dtype=torch.bool, device=views.device)
        guided[list(self.views)] = True
        guided = guided.flatten()
        boxes = torch.tensor([0, 0, *size], device=views.device).repeat(len(views), 1)
        boxes[guided] = da_crop_boxes(maps[guided], self.ratio, size)
        crops = crop_resize(views, boxes, size)
        return Guidance(maps, degenerate, boxes, crops, loss, guided)

    def _guide_views(self, views: Tensor) -> Tensor:
        """The views as the guide pass sees them."""
        if self.scale != 1:
            size = [max(1, round(self.scale * length)) for length in views.shape[2:]]
            views = F.interpolate(views, size=size, mode='bilinear', antialias=True)
        return views


def _check(name: str, value: object, expected: str, correct: bool) -> None:
    if not correct:
        raise ValueError(f'guide.{name} must be {expected}, but got {value!r}')
