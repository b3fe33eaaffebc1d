"""Samplers."""

from mmss_plugins.engine.samplers.epoch_seeded_sampler import EpochSeededSampler

__all__ = ['EpochSeededSampler']
