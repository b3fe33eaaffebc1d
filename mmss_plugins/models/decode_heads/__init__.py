"""Decode heads."""

from mmss_plugins.models.decode_heads.unet_head import UNetHead

__all__ = ['UNetHead']
