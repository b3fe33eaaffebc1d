"""Metrics."""

from .loveda_submission import LoveDASubmission
from .validation_loss import ValidationLoss

__all__ = ['LoveDASubmission', 'ValidationLoss']
