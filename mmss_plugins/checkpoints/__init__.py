"""Checkpoints: names, conversion, transfer of weights, and the inputs that they are for."""

from typing import Any

from mmss_plugins.checkpoints.convert.published import ConversionError, PublishedNetwork
from mmss_plugins.checkpoints.convert.reference_names import to_reference_key, to_segmentor_key
from mmss_plugins.checkpoints.files import CheckpointFileError, read_checkpoint, write_checkpoint
from mmss_plugins.checkpoints.spec.input_specification import (
    InputSpecification,
    InputSpecificationError,
    ModalityInput,
    specification_of,
)
from mmss_plugins.checkpoints.spec.old_names import renamed
from mmss_plugins.checkpoints.transfer.inflated import Inflation
from mmss_plugins.checkpoints.transfer.report import TransferError, TransferReport, transfer_report

__all__ = [
    'CheckpointFileError',
    'ConversionError',
    'Inflation',
    'InputSpecification',
    'InputSpecificationError',
    'ModalityInput',
    'PublishedNetwork',
    'TransferError',
    'TransferReport',
    'specification_of',
    'read_checkpoint',
    'to_reference_key',
    'to_segmentor_key',
    'transfer_report',
    'write_checkpoint',
]


def __getattr__(name: str) -> Any:
    return renamed(__name__, name)
