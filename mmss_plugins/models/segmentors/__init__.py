"""Segmentors."""

from .cross_modal_segmentor import CrossModalSegmentor

__all__ = ['CrossModalSegmentor']
