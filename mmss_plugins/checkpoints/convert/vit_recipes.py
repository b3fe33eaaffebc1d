"""Where the checkpoints of DOFA, SatMAE and SatMAE++ keep their encoder, and of which size it is.

Sources: https://github.com/zhu-xlab/DOFA, https://github.com/sustainlab-group/SatMAE,
https://github.com/techmn/satmae_pp. Our modules have their names, so conversion only drops
the rest of the autoencoders.
"""

from __future__ import annotations

import torch
from torch import Tensor

from mmss_plugins.checkpoints.convert.encoder_recipe import EncoderRecipe, State

_REST = {
    'mask_token': 'of the masked training',
    'decoder': 'the decoder of the masked training',
    'projector.': 'of the masked training',
    'proj_up_': 'the decoder for larger images of SatMAE++',
    'up_block': 'the decoder for larger images of SatMAE++',
    'norm.': 'the norm of the last output, which dense maps do not use',
    'fc_norm.': 'the norm of the last output, which dense maps do not use',
    'head.': 'a head on top',
}
_HEAD_DIMS = 64  # of every published size; it does not show in the shapes


def _size(state: State) -> dict[str, float]:
    dims = state['cls_token'].shape[-1]
    layers = {int(name.split('.')[1]) for name in state if name.startswith('blocks.')}
    hidden = state['blocks.0.mlp.fc1.weight'].shape[0]
    return {
        'embed_dims': dims,
        'num_layers': len(layers),
        'num_heads': max(dims // _HEAD_DIMS, 1),
        'mlp_ratio': hidden / dims,
    }


def _side(state: State) -> int:
    return round((state['pos_embed'].shape[1] - 1) ** 0.5)


def _dofa(state: State) -> dict:
    size = _size(state)
    numbers = state['patch_embed.weight_generator.fc_weight.weight'].shape[0]
    patch = round((numbers / size['embed_dims']) ** 0.5)
    return {'arch': size, 'img_size': patch * _side(state), 'patch_size': patch}


def _satmae(state: State) -> dict:
    groups: list[tuple[int, ...]] = []
    start = 0
    while (stem := state.get(f'patch_embed.{len(groups)}.proj.weight')) is not None:
        groups.append(tuple(range(start, start + stem.shape[1])))
        start += stem.shape[1]
    patch = state['patch_embed.0.proj.weight'].shape[-1]
    return {
        'arch': _size(state),
        'groups': tuple(groups),
        'img_size': patch * _side(state),
        'patch_size': patch,
        'group_dims': state['channel_embed'].shape[-1],
    }


def _state_on_meta(module: type, **kwargs) -> dict[str, Tensor]:
    outputs = (kwargs['arch']['num_layers'] - 1,)
    with torch.device('meta'):
        return module(out_indices=outputs, **kwargs).state_dict()


def _dofa_expected(state: State) -> dict[str, Tensor]:
    from mmss_plugins.models.backbones.dofa_vit import DOFAViT  # slow to import

    return _state_on_meta(DOFAViT, bands=[1.0], **_dofa(state))


def _satmae_expected(state: State) -> dict[str, Tensor]:
    from mmss_plugins.models.backbones.satmae_vit import SatMAEViT  # slow to import

    return _state_on_meta(SatMAEViT, **_satmae(state))


def _usage(kind: str, first: str, sizes: dict) -> str:
    arch = {768: "'base'", 1024: "'large'"}.get(sizes['arch']['embed_dims'], str(sizes['arch']))
    return (
        f"backbone=dict(type='mmss_plugins.{kind}', {first}, arch={arch}, "
        f'img_size={sizes["img_size"]}, patch_size={sizes["patch_size"]}, '
        f"init_cfg=dict(type='Pretrained', checkpoint=OUT))"
    )


def _satmae_usage(state: State) -> str:
    sizes = _satmae(state)
    widths = [len(group) for group in sizes['groups']]
    return _usage('SatMAEViT', f'groups=(...) of {widths} channels', sizes)


DOFA = {
    'dofa': EncoderRecipe(
        'DOFA',
        ('', 'model', 'state_dict'),
        ('', 'module.'),
        'patch_embed.weight_generator.weight_tokens',
        _REST,
        _dofa_expected,
        lambda state: _usage('DOFAViT', "bands='s2:13'", _dofa(state)),
    )
}
SATMAE = {
    'satmae': EncoderRecipe(
        'SatMAE',
        ('model', 'state_dict', ''),
        ('', 'module.'),
        'patch_embed.0.proj.weight',
        _REST,
        _satmae_expected,
        _satmae_usage,
        # Of the class token; only fine-tuning has it, and begins with zeros.
        lambda state: {'channel_cls_embed': torch.zeros(1, 1, state['channel_embed'].shape[-1])},
    )
}
