"""Pictures of images, labels, predictions and attention maps."""

from .multi_band_visualizer import MultiBandSegVisualizer

__all__ = ['MultiBandSegVisualizer']
