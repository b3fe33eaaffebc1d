"""The guide pass of GraSS: where to crop each view."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmss_plugins.models.functional import da_crop_boxes, loss_attention_map, resize_maps

from .batch_norm import untouched_statistics

STATISTICS = ('once', 'twice')
DEGENERATE = ('keep', 'error')


@dataclass(frozen=True)
class Guidance:
    """What the guide pass found.

    Args:
        maps: (2B, h, w) loss attention maps, zeros where degenerate.
        degenerate: (2B,) bool.
        boxes: (2B, 4) int64, [row0, col0, row1, col1) in pixels of the views.
    """

    maps: Tensor
    degenerate: Tensor
    boxes: Tensor

    def monitors(self, size: tuple[int, int]) -> dict[str, Tensor]:
        """How much is cropped, as means over the views.

        ``crop_area``: part of the view that the box takes; ``kept_fraction``: views whose box is
        the whole view; ``degenerate_fraction``: views whose map says nothing; ``map_entropy``:
        Shannon entropy of the positive part of a map, taken as a distribution over its pixels,
        divided by its maximum log(h w): 1 is flat, 0 a single pixel.

        Args:
            size: Height and width of the views.
        """
        row0, col0, row1, col1 = self.boxes.unbind(1)
        area = (row1 - row0) * (col1 - col0) / (size[0] * size[1])
        positive = self.maps.flatten(1).clamp(min=0)
        shares = positive / positive.sum(dim=1, keepdim=True).clamp(min=1e-12)
        entropy = torch.special.entr(shares).sum(dim=1)
        informative = (~self.degenerate).to(entropy)
        most = torch.log(torch.tensor(float(max(2, positive.shape[1]))))
        return {
            'crop_area': area.mean(),
            'kept_fraction': (area == 1).float().mean(),
            'degenerate_fraction': self.degenerate.float().mean(),
            'map_entropy': (entropy * informative).sum() / informative.sum().clamp(min=1) / most,
        }


class Guide:
    """Finds the boxes of a batch of views; updates nothing.

    The gradient of the loss is wanted for the features only. Where these are the encoder's output,
    the encoder runs without autograd graph, and the gradient of the pooled features does: behind
    global average pooling all pixels of a feature map have the same. No parameter's ``.grad`` is
    touched and no hook on parameters called. The part that is differentiated runs in float32, also
    under autocast.

    Args:
        ratio: Threshold of the region between the map's minimum (0) and maximum (1).
        layer: Submodule of the backbone whose output is the feature, such as 'layer3'; the graph is
            kept from there on. None for the backbone's output.
        scale: Size of the views in the guide pass, relative to training; below 1 it is cheaper and
            the maps are coarser.
        views: Which views are cropped: (0, 1), (0,) or (1,).
        batch_norm: 'once': running statistics see the training pass only. 'twice': the guide pass
            too, as in the published code. Both passes normalise by their batch.
        degenerate: Views whose map says nothing: 'keep' them whole, or stop with an 'error'.

    Raises:
        ValueError: If an option is out of its range.
    """

    def __init__(
        self,
        ratio: float = 0.5,
        layer: str | None = None,
        scale: float = 1.0,
        views: Sequence[int] = (0, 1),
        batch_norm: str = 'once',
        degenerate: str = 'keep',
    ) -> None:
        if not 0 <= ratio < 1:
            raise ValueError(f'guide ratio must be in [0, 1), but got {ratio}')
        if not 0 < scale <= 1:
            raise ValueError(f'guide scale must be in (0, 1], but got {scale}')
        if not views or set(views) - {0, 1}:
            raise ValueError(f'guide views must be some of 0 and 1, but got {views!r}')
        if batch_norm not in STATISTICS:
            raise ValueError(
                f'guide batch_norm must be one of {STATISTICS}, but got {batch_norm!r}'
            )
        if degenerate not in DEGENERATE:
            raise ValueError(
                f'guide degenerate must be one of {DEGENERATE}, but got {degenerate!r}'
            )
        self.ratio, self.layer, self.scale = ratio, layer, scale
        self.views, self.batch_norm, self.degenerate = frozenset(views), batch_norm, degenerate

    def __call__(
        self,
        views: Tensor,
        backbone: nn.Module,
        neck: nn.Module,
        loss: Callable[[Tensor], Tensor],
    ) -> Guidance:
        """Find the boxes.

        Args:
            views: (2B, C, H, W), all first views and then all second views.
            backbone: Gives (2B, K, h, w) features, or a sequence of which the last is taken.
            neck: With ``pool`` and ``project``, as :class:`ProjectionNeck` has them.
            loss: Takes the embeddings (2B, D).

        Raises:
            FloatingPointError: If a map is degenerate and that is an error.
        """
        small = views
        if self.scale != 1:
            size = [max(1, round(length * self.scale)) for length in views.shape[-2:]]
            small = F.interpolate(views, size, mode='bilinear', antialias=True)
        quiet = untouched_statistics(backbone) if self.batch_norm == 'once' else nullcontext()
        with quiet:
            pairs = self._deep if self.layer is not None else self._last
            features, gradients = pairs(small, backbone, neck, loss)
        maps, degenerate = loss_attention_map(features, gradients)
        if self.degenerate == 'error' and degenerate.any():
            raise FloatingPointError(
                f'the loss attention maps of the views {degenerate.nonzero().flatten().tolist()} '
                "have no positive value; degenerate='keep' leaves such views whole"
            )
        size = tuple(views.shape[-2:])
        boxes = da_crop_boxes(resize_maps(maps, size), self.ratio)
        half = len(views) // 2
        for view in {0, 1} - self.views:
            boxes[view * half : (view + 1) * half] = boxes.new_tensor([0, 0, *size])
        return Guidance(maps, degenerate, boxes)

    def _last(self, views, backbone, neck, loss) -> tuple[Tensor, Tensor]:
        """The encoder's output, and the gradient of its mean, the same for every pixel."""
        with torch.no_grad():
            features = _last_of(backbone(views))
        with torch.enable_grad(), torch.autocast(views.device.type, enabled=False):
            pooled = neck.pool(features.float()).requires_grad_()
            (gradients,) = torch.autograd.grad(loss(neck.project(pooled)), pooled)
        return features, gradients[:, :, None, None].expand_as(features)

    def _deep(self, views, backbone, neck, loss) -> tuple[Tensor, Tensor]:
        """The output of an inner layer and its gradient through all that follows."""
        with differentiated_from(_submodule(backbone, self.layer)) as found:
            output = _last_of(backbone(views))
            with torch.autocast(views.device.type, enabled=False):
                value = loss(neck.project(neck.pool(output.float())))
            (gradients,) = torch.autograd.grad(value, found[0])
        return found[0].detach(), gradients


@contextmanager
def differentiated_from(layer: nn.Module) -> Iterator[list[Tensor]]:
    """Within, autograd records from the output of ``layer`` on and nothing before it.

    Args:
        layer: Must run once.

    Yields:
        A list that will hold the layer's output, a leaf of the graph.
    """
    found: list[Tensor] = []

    def begin(_module, _inputs, output: Tensor) -> Tensor:
        leaf = output.detach().requires_grad_()
        found.append(leaf)
        torch.set_grad_enabled(True)
        return leaf

    handle = layer.register_forward_hook(begin)
    try:
        with torch.no_grad():  # on leaving it restores what was enabled before
            yield found
    finally:
        handle.remove()


def _last_of(features: Tensor | Sequence[Tensor]) -> Tensor:
    return features if isinstance(features, Tensor) else features[-1]


def _submodule(backbone: nn.Module, name: str) -> nn.Module:
    try:
        return backbone.get_submodule(name)
    except AttributeError as error:
        names = [child for child, _ in backbone.named_children()]
        raise ValueError(
            f'guide layer {name!r} is no submodule of {type(backbone).__name__}: choose among '
            f'{names}, or a submodule of these'
        ) from error
