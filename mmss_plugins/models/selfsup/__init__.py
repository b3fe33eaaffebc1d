"""Self-supervised algorithms."""

from .grass import GraSS
from .step_details import StepDetails

__all__ = ['GraSS', 'StepDetails']
