"""Ablation and studies on the synthetic data sets."""
