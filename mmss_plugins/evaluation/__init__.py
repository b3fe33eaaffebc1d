"""Metrics."""

from mmss_plugins.evaluation.loveda_submission import LoveDASubmission
from mmss_plugins.evaluation.validation_loss import ValidationLoss

__all__ = ['LoveDASubmission', 'ValidationLoss']
