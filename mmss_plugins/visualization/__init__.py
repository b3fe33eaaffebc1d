"""Figures of images, labels, predictions and attention maps."""

from mmss_plugins.visualization.multi_band_visualizer import MultiBandSegVisualizer

__all__ = ['MultiBandSegVisualizer']
