"""Where checkpoints of methods that were trained on SSL4EO-S12 keep their encoders.

Sources: https://github.com/zhu-xlab/SSL4EO-S12 (MoCo v2 and v3, DINO, MAE),
https://github.com/zhu-xlab/DeCUR. Full checkpoints and files of a backbone alone are published;
those of DINO and MAE hold the training script's options.
"""

from __future__ import annotations

from mmss_plugins.checkpoints.convert.plain_vit import vit_recipe
from mmss_plugins.checkpoints.convert.resnet_recipes import HEAD, resnet_recipe

_QUEUE = {'queue': 'the queue'}
_MOMENTUM = {'encoder_k.': 'the momentum encoder'} | _QUEUE
_QUERY = {'encoder_q.': 'the encoder that follows the gradient'} | _QUEUE
_PREDICTOR = {'predictor.': 'the predictor'}
_V3_MOMENTUM = {'momentum_encoder.': 'the momentum encoder'} | _PREDICTOR
_V3_BASE = {'base_encoder.': 'the encoder that follows the gradient'} | _PREDICTOR
_ATTENTION = {
    f'da{number}_l': 'deformable attention between the stages, which a ResNet has not'
    for number in (1, 2)
}
_DECUR = {
    'backbone_1.': 'the encoder of Sentinel-1',
    'backbone_2.': 'the encoder of Sentinel-2',
    'projector': 'the projectors',
    'bn.': 'the norm of the loss',
} | _ATTENTION
_DINO_HEAD = {'head.': 'the projection head'}
_TRAINED = ('model', 'state_dict', '')  # '': the tensors at the file's top


def _wrapped(prefix: str) -> tuple[str, str]:
    """As distributed training writes it, and without."""
    return f'module.{prefix}', prefix


SSL4EO = {
    'moco': resnet_recipe('MoCo', ('state_dict',), _wrapped('encoder_q.'), _MOMENTUM),
    'moco-momentum': resnet_recipe(
        'MoCo (the momentum encoder)', ('state_dict',), _wrapped('encoder_k.'), _QUERY, True
    ),
    'moco-vit': vit_recipe('MoCo v3', ('state_dict',), _wrapped('base_encoder.'), _V3_MOMENTUM),
    'moco-vit-momentum': vit_recipe(
        'MoCo v3 (the momentum encoder)',
        ('state_dict',),
        _wrapped('momentum_encoder.'),
        _V3_BASE,
        True,
    ),
    'dino': resnet_recipe('DINO (the teacher)', ('teacher',), _wrapped('backbone.'), _DINO_HEAD),
    'dino-student': resnet_recipe(
        'DINO (the student)', ('student',), _wrapped('backbone.'), _DINO_HEAD, True
    ),
    'dino-vit': vit_recipe('DINO (the teacher)', ('teacher',), _wrapped('backbone.'), _DINO_HEAD),
    'dino-vit-student': vit_recipe(
        'DINO (the student)', ('student',), _wrapped('backbone.'), _DINO_HEAD, True
    ),
    'mae': vit_recipe(
        'MAE, or a vision transformer alone',
        _TRAINED,
        ('', 'module.'),
        {'mask_token': 'of the masked training', 'decoder': 'the decoder of the masked training'},
    ),
    'decur-s1': resnet_recipe('DeCUR, Sentinel-1', _TRAINED, _wrapped('backbone_1.'), _DECUR),
    'decur-s2': resnet_recipe('DeCUR, Sentinel-2', _TRAINED, _wrapped('backbone_2.'), _DECUR),
    'decur-vit-s1': vit_recipe('DeCUR, Sentinel-1', _TRAINED, _wrapped('backbone_1.'), _DECUR),
    'decur-vit-s2': vit_recipe('DeCUR, Sentinel-2', _TRAINED, _wrapped('backbone_2.'), _DECUR),
    'resnet': resnet_recipe(
        'a ResNet alone', _TRAINED, ('', 'module.', 'backbone.'), {'head.': HEAD} | _ATTENTION
    ),
}
