"""Where checkpoints of methods that were trained on SSL4EO-S12 keep their encoders.

Sources: https://github.com/zhu-xlab/SSL4EO-S12 (MoCo v2 and v3, DINO, MAE),
https://github.com/zhu-xlab/DeCUR. Full checkpoints and files of a backbone alone are published;
those of DINO and MAE hold the training script's options.
"""

from __future__ import annotations

from mmss_plugins.checkpoints.convert.encoder_recipe import HEAD
from mmss_plugins.checkpoints.convert.plain_vit import PLAIN_VIT
from mmss_plugins.checkpoints.convert.resnet_recipes import RESNET

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
_resnet, _vit = RESNET.recipe, PLAIN_VIT.recipe


def _wrapped(prefix: str) -> tuple[str, str]:
    """As distributed training writes it, and without."""
    return f'module.{prefix}', prefix


SSL4EO = {
    'moco': _resnet('MoCo', ('state_dict',), _wrapped('encoder_q.'), _MOMENTUM),
    'moco-momentum': _resnet(
        'MoCo (the momentum encoder)', ('state_dict',), _wrapped('encoder_k.'), _QUERY, True
    ),
    'moco-vit': _vit('MoCo v3', ('state_dict',), _wrapped('base_encoder.'), _V3_MOMENTUM),
    'moco-vit-momentum': _vit(
        'MoCo v3 (the momentum encoder)',
        ('state_dict',),
        _wrapped('momentum_encoder.'),
        _V3_BASE,
        True,
    ),
    'dino': _resnet('DINO (the teacher)', ('teacher',), _wrapped('backbone.'), _DINO_HEAD),
    'dino-student': _resnet(
        'DINO (the student)', ('student',), _wrapped('backbone.'), _DINO_HEAD, True
    ),
    'dino-vit': _vit('DINO (the teacher)', ('teacher',), _wrapped('backbone.'), _DINO_HEAD),
    'dino-vit-student': _vit(
        'DINO (the student)', ('student',), _wrapped('backbone.'), _DINO_HEAD, True
    ),
    'mae': _vit(
        'MAE, or a vision transformer alone',
        _TRAINED,
        ('', 'module.'),
        {'mask_token': 'of the masked training', 'decoder': 'the decoder of the masked training'},
    ),
    'decur-s1': _resnet('DeCUR, Sentinel-1', _TRAINED, _wrapped('backbone_1.'), _DECUR),
    'decur-s2': _resnet('DeCUR, Sentinel-2', _TRAINED, _wrapped('backbone_2.'), _DECUR),
    'decur-vit-s1': _vit('DeCUR, Sentinel-1', _TRAINED, _wrapped('backbone_1.'), _DECUR),
    'decur-vit-s2': _vit('DeCUR, Sentinel-2', _TRAINED, _wrapped('backbone_2.'), _DECUR),
    'resnet': _resnet(
        'a ResNet alone', _TRAINED, ('', 'module.', 'backbone.'), {'head.': HEAD} | _ATTENTION
    ),
}
