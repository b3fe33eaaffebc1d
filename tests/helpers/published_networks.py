"""The published CromSS networks for tests: tensor names, seeded weights, a forward by hand."""

import zlib

import numpy as np
import torch
import torch.nn.functional as F
from mmseg.registry import MODELS

from helpers.paths import TESTS

DATA = TESTS / 'data'
NETWORKS = [f'{kind}_resnet{n}' for n in (18, 50) for kind in ('mid2', 'mid3', 'late2', 'late3')]
STAGES = {18: (64, 128, 256, 512), 50: (256, 512, 1024, 2048)}
BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}
ENCODERS = {'s1': 'encoder1', 's2': 'encoder', 'common': 'encoder_com'}
MODELS_OF_LATE = {'s1': 'model1', 's2': 'model2', 'common': 'model_com'}


def tensor_shapes(network, bands=13):
    """{name: shape} of a published network like 'mid2_resnet18'."""
    with np.load(DATA / 'cromss_tensor_names.npz') as file:
        rows = [str(row).partition(' ') for row in file[network]]
    shapes = {name: tuple(map(int, dims.split('x'))) if dims else () for name, _, dims in rows}
    return {  # the stems of a network for fewer bands
        name: (shape[0], shape[1] - 13 + bands, *shape[2:]) if _reads_s2(name) else shape
        for name, shape in shapes.items()
    }


def _reads_s2(name):
    top, _, rest = name.partition('.')
    return top in ('encoder', 'encoder_com', 'model2', 'model_com') and rest in (
        'conv1.weight',
        'encoder.conv1.weight',
    )


def seeded(seed, shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def filled(name, shape):
    """The tensor that the reference run had under this name."""
    if name.endswith('num_batches_tracked'):
        return torch.tensor(0)
    r = seeded(zlib.crc32(name.encode()), shape)
    if len(shape) > 1:
        return r * (2 / (r.numel() / shape[0])) ** 0.5
    if name.endswith('running_var'):
        return 1 + (0.1 * r).abs()
    return 1 + 0.1 * r if name.endswith('.weight') else 0.1 * r


def published_state(network, bands=13, fill=filled):
    """The tensors of a published checkpoint, without the prefix 'net.'."""
    return {name: fill(name, shape) for name, shape in tensor_shapes(network, bands).items()}


def build(network, bands=13):
    """Our segmentor of a published network's kind."""
    kind, _, encoder = network.partition('_')
    depth = int(encoder.removeprefix('resnet'))
    backbone = {'type': 'mmss_plugins.StemResNet', 'depth': depth}
    return MODELS.build(
        {
            'type': 'mmss_plugins.CrossModalSegmentor',
            'backbones': {'s1': {**backbone, 'in_channels': 2},
                          's2': {**backbone, 'in_channels': bands}},
            'decode_head': {
                'type': 'mmss_plugins.UNetHead',
                'in_channels': (64, *STAGES[depth]),
                'num_classes': 9,
            },
            'common': backbone if kind.endswith('3') else None,
            'fusion': kind[:-1],
        }
    )  # fmt: skip


def forward_by_hand(state, network, inputs, training=False):
    """Logits per branch of a published network, from its tensors by their own names.

    A U-Net with a ResNet encoder written out with torch's functions, after the architecture's
    description; it knows nothing of our modules.
    """
    kind, _, encoder = network.partition('_')
    depth = int(encoder.removeprefix('resnet'))
    parts = {'s1': inputs[:, :2], 's2': inputs[:, 2:]}
    if kind.endswith('3'):
        parts['common'] = inputs

    def norm(x, name):
        keys = ('running_mean', 'running_var', 'weight', 'bias')
        mean, var, weight, bias = (state[f'{name}.{key}'] for key in keys)
        if training:
            return F.batch_norm(x, None, None, weight, bias, training=True)
        return F.batch_norm(x, mean, var, weight, bias)

    def conv(x, name, stride=1):
        weight = state[f'{name}.weight']
        return F.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)

    def residual(x, name, stride):
        if depth == 18:
            y = norm(conv(x, f'{name}.conv1', stride), f'{name}.bn1').relu()
            y = norm(conv(y, f'{name}.conv2'), f'{name}.bn2')
        else:
            y = norm(conv(x, f'{name}.conv1'), f'{name}.bn1').relu()
            y = norm(conv(y, f'{name}.conv2', stride), f'{name}.bn2').relu()
            y = norm(conv(y, f'{name}.conv3'), f'{name}.bn3')
        if f'{name}.downsample.0.weight' in state:
            x = norm(conv(x, f'{name}.downsample.0', stride), f'{name}.downsample.1')
        return (x + y).relu()

    def features(x, name):
        x = norm(conv(x, f'{name}.conv1', 2), f'{name}.bn1').relu()
        maps = [x]
        x = F.max_pool2d(x, 3, stride=2, padding=1)
        for stage, count in enumerate(BLOCKS[depth], 1):
            for block in range(count):
                first = stage > 1 and block == 0
                x = residual(x, f'{name}.layer{stage}.{block}', 2 if first else 1)
            maps.append(x)
        return maps

    def decode(maps, top):
        x, *skips = maps[::-1]
        for block in range(5):
            name = f'{top}decoder.blocks.{block}'
            x = x.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)
            if block < len(skips):
                x = torch.cat((x, skips[block]), dim=1)
            for index in (1, 2):
                x = norm(conv(x, f'{name}.conv{index}.0'), f'{name}.conv{index}.1').relu()
        bias = state[f'{top}segmentation_head.0.bias']
        return conv(x, f'{top}segmentation_head.0') + bias.view(1, -1, 1, 1)

    late = kind.startswith('late')
    tops = {name: f'{MODELS_OF_LATE[name]}.' if late else '' for name in parts}
    return {
        name: decode(
            features(x, f'{tops[name]}encoder' if late else ENCODERS[name]), tops[name]
        )
        for name, x in parts.items()
    }  # fmt: skip
