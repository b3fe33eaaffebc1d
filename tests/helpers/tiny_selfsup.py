"""MMPretrain's self-supervised algorithms on a ResNet-18 with 4 base channels."""

from helpers.tiny_contrastive import grass_model

DIMS = 8


def algorithm(kind):
    """Config of SimCLR, MoCo, BYOL, BarlowTwins or SimSiam for views of three bands."""
    parts = {key: grass_model()[key] for key in ('backbone', 'data_preprocessor')}
    neck = {
        'type': 'mmpretrain.NonLinearNeck',
        'in_channels': 32,
        'hid_channels': 16,
        'out_channels': DIMS,
        'num_layers': 2,
        'with_avg_pool': True,
    }
    return {'type': f'mmpretrain.{kind}', **parts, 'neck': neck, **_rest(kind, neck)}


def _rest(kind, neck):
    if kind in ('SimCLR', 'MoCo'):
        loss = {'type': 'mmpretrain.CrossEntropyLoss'}
        head = {'type': 'mmpretrain.ContrastiveHead', 'loss': loss}
        queue = {'queue_len': 8, 'feat_dim': DIMS} if kind == 'MoCo' else {}
        return {'head': head, **queue}
    if kind == 'BarlowTwins':
        loss = {'type': 'mmpretrain.CrossCorrelationLoss'}
        head = {'type': 'mmpretrain.LatentCrossCorrelationHead', 'in_channels': DIMS, 'loss': loss}
        return {'head': head}
    predictor = {**neck, 'in_channels': DIMS, 'with_avg_pool': False}
    loss = {'type': 'mmpretrain.CosineSimilarityLoss', 'shift_factor': 2.0, 'scale_factor': 2.0}
    return {'head': {'type': 'mmpretrain.LatentPredictHead', 'loss': loss, 'predictor': predictor}}
