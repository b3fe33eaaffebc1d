"""A published file becomes a segmentor: converted, reported, frozen, unfrozen, rates by layer."""

import pytest
import torch
from helpers import foreign_checkpoints as published
from helpers.encoder_runs import RecordEncoder, make_runner

from mmss_plugins.checkpoints.convert.encoder_cli import dofa

pytestmark = pytest.mark.usefixtures('quick_runs')


def test_dofa_from_its_file_to_upernet(tmp_path):
    torch.manual_seed(0)
    encoder, rest = published.dofa()
    encoder = {name: 0.05 * torch.randn(tensor.shape) for name, tensor in encoder.items()}
    torch.save(encoder | rest, tmp_path / 'published.pth')
    arguments = [str(tmp_path / 'published.pth'), str(tmp_path / 'ours.pth')]
    assert dofa(arguments) == 0
    model = {
        'type': 'EncoderDecoder',
        'data_preprocessor': {'type': 'mmss_plugins.MultiBandSegDataPreProcessor'},
        'backbone': {
            'type': 'mmss_plugins.DOFAViT', 'bands': 's2:3', 'img_size': 32, 'patch_size': 8,
            'arch': {'embed_dims': 24, 'num_layers': 2, 'num_heads': 2, 'mlp_ratio': 2},
            'out_indices': (0, 0, 1, 1),
            'init_cfg': {'type': 'Pretrained', 'checkpoint': str(tmp_path / 'ours.pth')},
        },
        'neck': {'type': 'Feature2Pyramid', 'embed_dim': 24, 'norm_cfg': {'type': 'BN'}},
        'decode_head': {'type': 'UPerHead', 'in_channels': [24] * 4, 'in_index': [0, 1, 2, 3],
                        'channels': 4, 'num_classes': 3},
        'test_cfg': {'mode': 'whole'},
    }  # fmt: skip
    optim_wrapper = {
        'constructor': 'mmss_plugins.LayerDecayOptimWrapperConstructor',
        'optimizer': {'type': 'AdamW', 'lr': 0.01, 'weight_decay': 0.1},
        'paramwise_cfg': {'encoder_decay': 0.1},
    }
    runner = make_runner(
        tmp_path / 'run',
        {'type': 'mmss_plugins.UnfreezeEncoderHook', 'begin': 1},
        model=model,
        optim_wrapper=optim_wrapper,
        custom_hooks=[{'type': 'mmss_plugins.TransferReportHook'}],
    )
    runner.train()
    states = next(hook for hook in runner.hooks if isinstance(hook, RecordEncoder)).states
    log = next((tmp_path / 'run').rglob('*.log')).read_text()
    assert f'backbone: {len(encoder)} of {len(encoder)} tensors loaded' in log
    for name, tensor in encoder.items():
        assert torch.equal(states[0][name], tensor), name
        assert torch.equal(states[2][name], tensor), name  # frozen for the first epoch
    # AdamW's first step is about as long as the rate, wherever there is a gradient.
    moved = {name: (states[3][name] - states[2][name]).abs().max().item() for name in encoder}
    assert moved['pos_embed'] == 0
    for name, factor in (
        ('patch_embed.fclayer.w1.weight', 1e-3),
        ('blocks.0.mlp.fc1.weight', 1e-2),
        ('blocks.1.mlp.fc1.weight', 1e-1),
    ):
        assert 0.5 < moved[name] / (0.01 * factor) < 1.1, name
