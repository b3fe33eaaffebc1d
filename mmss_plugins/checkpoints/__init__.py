"""Checkpoints: names, conversion, transfer of weights, and the inputs that they are for."""

from .files import CheckpointFileError, read_checkpoint, write_checkpoint
from .inflated import Inflation
from .input_contract import InputContract, InputContractError, ModalityInput, contract_of
from .published import ConversionError, PublishedNetwork
from .reference_names import to_reference_key, to_segmentor_key
from .transfer import TransferError, TransferReport, transfer_report

__all__ = [
    'CheckpointFileError',
    'ConversionError',
    'Inflation',
    'InputContract',
    'InputContractError',
    'ModalityInput',
    'PublishedNetwork',
    'TransferError',
    'TransferReport',
    'contract_of',
    'read_checkpoint',
    'to_reference_key',
    'to_segmentor_key',
    'transfer_report',
    'write_checkpoint',
]
