"""Hooks."""

from mmss_plugins.engine.hooks.cross_modal_selection_hook import CrossModalSelectionHook
from mmss_plugins.engine.hooks.finite_values_hook import FiniteValuesHook
from mmss_plugins.engine.hooks.freeze_encoder_hook import FreezeEncoderHook
from mmss_plugins.engine.hooks.gradient_guided_sampling_hook import GradientGuidedSamplingHook
from mmss_plugins.engine.hooks.input_specification_hook import InputSpecificationHook
from mmss_plugins.engine.hooks.iteration_seed_hook import IterationSeedHook
from mmss_plugins.engine.hooks.label_noise_report_hook import LabelNoiseReportHook
from mmss_plugins.engine.hooks.multi_band_visualization_hook import MultiBandVisualizationHook
from mmss_plugins.engine.hooks.resume_validation_hook import ResumeValidationHook
from mmss_plugins.engine.hooks.run_check_hook import RunCheckHook
from mmss_plugins.engine.hooks.selection_panels_hook import SelectionPanelsHook
from mmss_plugins.engine.hooks.ssl_health_hook import SSLHealthHook
from mmss_plugins.engine.hooks.transfer_report_hook import TransferReportHook
from mmss_plugins.engine.hooks.unfreeze_encoder_hook import UnfreezeEncoderHook

__all__ = [
    'CrossModalSelectionHook',
    'FiniteValuesHook',
    'FreezeEncoderHook',
    'GradientGuidedSamplingHook',
    'InputSpecificationHook',
    'IterationSeedHook',
    'LabelNoiseReportHook',
    'MultiBandVisualizationHook',
    'ResumeValidationHook',
    'RunCheckHook',
    'SSLHealthHook',
    'SelectionPanelsHook',
    'TransferReportHook',
    'UnfreezeEncoderHook',
]
