"""The mathematics of the models as pure tensor functions."""

from mmss_plugins.functional.attention_map import loss_attention_map, map_entropy, resize_maps
from mmss_plugins.functional.confidence import (
    CONFIDENCE_KINDS,
    confidences,
    entangle,
    label_confidence,
    prediction_confidence,
)
from mmss_plugins.functional.consistency import CONSISTENCY_KINDS, consistency_loss
from mmss_plugins.functional.crop_resize import crop_resize
from mmss_plugins.functional.cross_entropy import soft_cross_entropy
from mmss_plugins.functional.dice import soft_dice_loss
from mmss_plugins.functional.focal import soft_focal
from mmss_plugins.functional.guided_crop import da_crop_boxes, guided_boxes
from mmss_plugins.functional.info_nce import info_nce
from mmss_plugins.functional.ramp import RAMP_KINDS, ramp
from mmss_plugins.functional.selection import (
    label_selection_mask,
    label_selection_ratio,
    prediction_selection_mask,
)
from mmss_plugins.functional.smoothing import (
    PRIOR_KINDS,
    gaussian_kernel,
    smooth_labels,
    smoothing_prior,
)

__all__ = [
    'CONFIDENCE_KINDS',
    'CONSISTENCY_KINDS',
    'PRIOR_KINDS',
    'RAMP_KINDS',
    'confidences',
    'crop_resize',
    'da_crop_boxes',
    'consistency_loss',
    'entangle',
    'gaussian_kernel',
    'guided_boxes',
    'info_nce',
    'label_confidence',
    'label_selection_mask',
    'label_selection_ratio',
    'loss_attention_map',
    'map_entropy',
    'prediction_confidence',
    'prediction_selection_mask',
    'ramp',
    'resize_maps',
    'smooth_labels',
    'smoothing_prior',
    'soft_cross_entropy',
    'soft_dice_loss',
    'soft_focal',
]
