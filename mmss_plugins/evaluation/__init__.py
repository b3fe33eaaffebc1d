"""Metrics."""

from .validation_loss import ValidationLoss

__all__ = ['ValidationLoss']
