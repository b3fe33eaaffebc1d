"""Necks."""

from mmss_plugins.models.necks.projection_neck import ProjectionNeck

__all__ = ['ProjectionNeck']
