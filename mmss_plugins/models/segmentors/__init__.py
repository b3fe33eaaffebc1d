"""Segmentors."""

from mmss_plugins.models.segmentors.cross_modal_segmentor import CrossModalSegmentor

__all__ = ['CrossModalSegmentor']
