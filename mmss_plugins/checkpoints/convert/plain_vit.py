"""Plain vision transformers with timm's names, for MMPretrain's VisionTransformer.

Sources: https://github.com/huggingface/pytorch-image-models, https://github.com/facebookresearch/mae.
"""

from __future__ import annotations

import re

import torch
from torch import Tensor

from mmss_plugins.checkpoints.convert.encoder_recipe import HEAD, EncoderKind, State

_TOP = {'patch_embed.proj': 'patch_embed.projection', 'norm': 'ln1'}
_INSIDE = {
    'norm1': 'ln1',
    'norm2': 'ln2',
    'mlp.fc1': 'ffn.layers.0.0',
    'mlp.fc2': 'ffn.layers.1',
}
_PUBLISHED_BLOCK = re.compile(r'blocks\.(\d+)\.(.+)\.(weight|bias)')
_ARCHS = {384: "'deit-small'", 768: "'base'", 1024: "'large'", 1280: "'huge'"}  # by channels
_LAYERS = {384: 12, 768: 12, 1024: 24, 1280: 32}
_HEAD_DIMS = 64  # of the published sizes but 'huge'; it does not show in the shapes
_OWN_BLOCK = re.compile(r'layers\.(\d+)\.(.+)\.(weight|bias)')


def to_mmpretrain(name: str) -> str:
    """MMPretrain's name of a tensor with a name of timm; an unknown one stays."""
    return _renamed(name, _PUBLISHED_BLOCK, 'layers', _TOP, _INSIDE)


def to_timm(name: str) -> str:
    """Undoes :func:`to_mmpretrain`."""
    back = [{own: published for published, own in names.items()} for names in (_TOP, _INSIDE)]
    return _renamed(name, _OWN_BLOCK, 'blocks', *back)


def _renamed(
    name: str, block: re.Pattern, blocks: str, top: dict[str, str], inside: dict[str, str]
) -> str:
    match = block.fullmatch(name)
    if match:
        number, part, leaf = match.groups()
        return f'{blocks}.{number}.{inside.get(part, part)}.{leaf}'
    part, _, leaf = name.rpartition('.')
    return f'{top[part]}.{leaf}' if part in top else name


def _expected(state: State) -> dict[str, Tensor]:
    """Names and shapes of MMPretrain's module for this encoder's sizes."""
    stem, places = state['patch_embed.projection.weight'], state['pos_embed'].shape[1]
    dims, bands, patch, _ = stem.shape
    hidden = state['layers.0.ffn.layers.0.0.weight'].shape[0]
    shapes: dict[str, tuple[int, ...]] = {
        'cls_token': (1, 1, dims),
        'pos_embed': (1, places, dims),
        'patch_embed.projection.weight': (dims, bands, patch, patch),
        'patch_embed.projection.bias': (dims,),
    }
    for layer in range(_count(state)):
        for part, out, inside in (
            ('attn.qkv', 3 * dims, dims),
            ('attn.proj', dims, dims),
            ('ffn.layers.0.0', hidden, dims),
            ('ffn.layers.1', dims, hidden),
        ):
            shapes[f'layers.{layer}.{part}.weight'] = (out, inside)
            shapes[f'layers.{layer}.{part}.bias'] = (out,)
        for norm in ('ln1', 'ln2'):
            shapes[f'layers.{layer}.{norm}.weight'] = (dims,)
            shapes[f'layers.{layer}.{norm}.bias'] = (dims,)
    shapes |= {'ln1.weight': (dims,), 'ln1.bias': (dims,)}
    return {name: torch.empty(shape, device='meta') for name, shape in shapes.items()}


def _count(state: State) -> int:
    return len({name.split('.')[1] for name in state if name.startswith('layers.')})


def _usage(state: State) -> str:
    dims, bands, patch, _ = state['patch_embed.projection.weight'].shape
    hidden, count = state['layers.0.ffn.layers.0.0.weight'].shape[0], _count(state)
    side = round((state['pos_embed'].shape[1] - 1) ** 0.5)
    arch = _ARCHS.get(dims, '')
    if _LAYERS.get(dims) != count or hidden != 4 * dims:
        heads = max(dims // _HEAD_DIMS, 1)
        arch = (
            f'dict(embed_dims={dims}, num_layers={count}, num_heads={heads}, '
            f'feedforward_channels={hidden})'
        )
    return (
        f"backbone=dict(type='mmpretrain.VisionTransformer', arch={arch}, img_size={side * patch}, "
        f"patch_size={patch}, in_channels={bands}, out_type='featmap', "
        f"init_cfg=dict(type='Pretrained', checkpoint=OUT))"
    )


PLAIN_VIT = EncoderKind(
    'patch_embed.proj.weight',
    {'head.': HEAD, 'fc_norm.': HEAD},
    _expected,
    _usage,
    to_mmpretrain,
    to_timm,
)
