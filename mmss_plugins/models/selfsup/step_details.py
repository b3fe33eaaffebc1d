"""What a training step computed besides its loss."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class StepDetails:
    """Of this process's B images, without gradients; the views are view-major.

    The last four are None where the step was not guided.

    Attributes:
        embeddings: (2B, D), not normalised, those of the loss that is trained on.
        views: (2B, C, H, W), as the loader gave them, normalised.
        maps: (2B, h, w), loss attention maps at the size of the features; zeros where degenerate.
        boxes: (2B, 4) int64, [row0, col0, row1, col1) in pixels of the views.
        crops: (2B, C, H, W), what was trained on.
    """

    embeddings: Tensor
    views: Tensor | None = None
    maps: Tensor | None = None
    boxes: Tensor | None = None
    crops: Tensor | None = None
