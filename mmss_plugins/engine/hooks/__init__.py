"""Hooks."""

from .cross_modal_selection_hook import CrossModalSelectionHook
from .finite_values_hook import FiniteValuesHook
from .freeze_encoder_hook import FreezeEncoderHook
from .gradient_guided_sampling_hook import GradientGuidedSamplingHook
from .input_contract_hook import InputContractHook
from .iteration_seed_hook import IterationSeedHook
from .label_noise_report_hook import LabelNoiseReportHook
from .multi_band_visualization_hook import MultiBandVisualizationHook
from .resume_validation_hook import ResumeValidationHook
from .run_check_hook import RunCheckHook
from .ssl_health_hook import SSLHealthHook
from .transfer_report_hook import TransferReportHook
from .unfreeze_encoder_hook import UnfreezeEncoderHook

__all__ = [
    'CrossModalSelectionHook',
    'FiniteValuesHook',
    'FreezeEncoderHook',
    'GradientGuidedSamplingHook',
    'InputContractHook',
    'IterationSeedHook',
    'LabelNoiseReportHook',
    'MultiBandVisualizationHook',
    'ResumeValidationHook',
    'RunCheckHook',
    'SSLHealthHook',
    'TransferReportHook',
    'UnfreezeEncoderHook',
]
