"""Checkpoints: names and transfer of weights."""

from .reference_names import to_segmentor_key
from .transfer import TransferError, TransferReport, transfer_report

__all__ = ['TransferError', 'TransferReport', 'to_segmentor_key', 'transfer_report']
