"""Images for any of MMEngine's visualizer backends."""

from __future__ import annotations

import numpy as np
from mmengine.dist import is_main_process
from mmengine.visualization import Visualizer
from mmengine.visualization.vis_backend import MLflowVisBackend

from mmss_plugins.compat.mmengine_state import visualizer_backends


def add_image(visualizer: Visualizer, name: str, image: np.ndarray, step: int) -> None:
    """Give an image to all backends of a visualizer, as ``Visualizer.add_image`` does.

    MLflow takes the name as a file name. There it gets the step, so that no image replaces the one
    before it, and a suffix, which MLflow demands.

    Args:
        visualizer: The run's.
        name: Without step and suffix.
        image: (H, W, 3) uint8, RGB.
        step: Epoch or iteration.
    """
    if not is_main_process():
        return
    for backend in visualizer_backends(visualizer):
        is_file = isinstance(backend, MLflowVisBackend)
        backend.add_image(f'{name}_{step}.png' if is_file else name, image, step=step)
