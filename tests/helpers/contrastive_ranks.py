"""A contrastive model without BatchNorm, whose statistics would be each process's own."""

import torch
import torch.nn.functional as F

from helpers.tiny_contrastive import grass_model
from mmss_plugins.registry import MODELS

STAGES = {'A': None, 'B': {}, 'B, layer': {'layer': 'layer3'}}  # options of the guide
IMAGES = 8


def build(guide):
    """The model in stage B with these options of the guide, in stage A with None."""
    torch.manual_seed(0)
    cfg = grass_model(guide=guide or {})
    cfg['backbone']['norm_cfg'] = {'type': 'GN', 'num_groups': 2}
    model = MODELS.build(cfg).double().train()
    model.set_stage(guide is not None)
    return model


def joint_views():
    """Two views of the images of both processes."""
    generator = torch.Generator().manual_seed(0)
    images = F.interpolate(
        torch.randn(IMAGES, 3, 4, 4, generator=generator), (32, 32), mode='bicubic'
    )
    return [
        (images + 0.3 * torch.randn(images.shape, generator=generator)).double() for _ in range(2)
    ]
