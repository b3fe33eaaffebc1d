"""Heads."""

from mmss_plugins.models.heads.info_nce_head import InfoNCEHead

__all__ = ['InfoNCEHead']
