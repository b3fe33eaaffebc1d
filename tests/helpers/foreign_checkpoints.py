"""Synthetic checkpoints of other methods, with the tensor names of the published ones."""

from argparse import Namespace

import torch

BLOCKS = {18: (2, 2, 2, 2), 50: (3, 4, 6, 3)}


def numbered(shapes, start=0):
    """A tensor of one number of its own for each name; it takes no memory."""
    return {
        name: torch.tensor(float(start + i)).expand(shape)
        if 'num_batches' not in name
        else torch.tensor(start + i)
        for i, (name, shape) in enumerate(shapes.items())
    }


def resnet_names(depth, bands):
    """Names and shapes of torchvision's ResNet without its classifier, written out."""
    wide = 4 if depth == 50 else 1
    shapes = {'conv1.weight': (64, bands, 7, 7)}

    def norm(name, size):
        for part in ('weight', 'bias', 'running_mean', 'running_var'):
            shapes[f'{name}.{part}'] = (size,)
        shapes[f'{name}.num_batches_tracked'] = ()

    norm('bn1', 64)
    inside = 64
    for stage, count in enumerate(BLOCKS[depth]):
        width = 64 << stage
        sizes = [(width, 1), (width, 3), (4 * width, 1)] if depth == 50 else [(width, 3)] * 2
        for block in range(count):
            name, channels = f'layer{stage + 1}.{block}', inside
            for index, (out, kernel) in enumerate(sizes, 1):
                shapes[f'{name}.conv{index}.weight'] = (out, channels, kernel, kernel)
                norm(f'{name}.bn{index}', out)
                channels = out
            if block == 0 and inside != width * wide:
                shapes[f'{name}.downsample.0.weight'] = (width * wide, inside, 1, 1)
                norm(f'{name}.downsample.1', width * wide)
            inside = width * wide
    return shapes


def vit_names(bands, dims=64, count=2, hidden=256, patch=16, places=4):
    """Names and shapes of timm's plain vision transformer without its classifier."""
    return {
        'cls_token': (1, 1, dims),
        'pos_embed': (1, 1 + places, dims),
        'patch_embed.proj.weight': (dims, bands, patch, patch),
        'patch_embed.proj.bias': (dims,),
        **blocks('blocks', count, dims, hidden),
        'norm.weight': (dims,),
        'norm.bias': (dims,),
    }


def prefixed(prefix, shapes):
    return {f'{prefix}{name}': shape for name, shape in shapes.items()}


def moco(depth=50):
    heads = {'fc.0.weight': (4, 4), 'fc.0.bias': (4,), 'fc.2.weight': (2, 4), 'fc.2.bias': (2,)}
    encoder = {**resnet_names(depth, 13), **heads}
    names = {'module.queue': (2, 8), 'module.queue_ptr': (1,)}
    names |= prefixed('module.encoder_q.', encoder) | prefixed('module.encoder_k.', encoder)
    return {'epoch': 100, 'arch': 'resnet50', 'state_dict': numbered(names), 'optimizer': {}}


def moco_vit():
    encoder = vit_names(13) | {'head.0.weight': (4, 64), 'head.1.running_mean': (4,)}
    names = prefixed('module.base_encoder.', encoder)
    names |= prefixed('module.momentum_encoder.', encoder) | {'module.predictor.0.weight': (2, 2)}
    return {'epoch': 100, 'arch': 'vit_small', 'state_dict': numbered(names), 'optimizer': {},
            'scaler': {'scale': 65536.0, 'growth_factor': 2.0, '_growth_tracker': 3}}  # fmt: skip


def options():
    """What a training script's parser gives, of each kind that is plain."""
    return Namespace(
        lr=0.1, arch='vit_small', seed=None, normalize=False, mode=['s2c'], bands='B13',
        global_crops_scale=(0.4, 1.0), epochs=100, nested=Namespace(gpu=0), extra={'a': [1]},
    )  # fmt: skip


def dino(depth=50, module='module.'):
    return _dino(prefixed(f'{module}backbone.', resnet_names(depth, 13)), module)


def dino_vit():
    """Without BatchNorm only the student is wrapped for distributed training."""
    content = _dino(prefixed('module.backbone.', vit_names(13)), 'module.')
    teacher = {n.removeprefix('module.'): t for n, t in content['teacher'].items()}
    return {**content, 'teacher': teacher}


def _dino(names, module):
    names |= {f'{module}head.mlp.0.weight': (2, 2), f'{module}head.last_layer.weight_g': (2, 1)}
    teacher, student = numbered(names), numbered(names, start=1000)
    return {
        'student': student, 'teacher': teacher, 'optimizer': {'state': {}, 'param_groups': []},
        'epoch': 100, 'args': options(), 'dino_loss': {'center': torch.zeros(1, 4)},
    }  # fmt: skip


def mae():
    names = vit_names(13) | {
        'mask_token': (1, 1, 8), 'decoder_embed.weight': (8, 64), 'decoder_embed.bias': (8,),
        'decoder_pos_embed': (1, 5, 8), **blocks('decoder_blocks', 1, 8, 8),
        'decoder_norm.weight': (8,), 'decoder_pred.weight': (9, 8),
    }  # fmt: skip
    return {
        'model': numbered(names), 'optimizer': {'state': {}}, 'epoch': 99,
        'scaler': {'scale': 1.0}, 'args': options(),
    }  # fmt: skip


def decur(depth=50, attention=False):
    names = prefixed('module.backbone_1.', resnet_names(depth, 2))
    names |= prefixed('module.backbone_2.', resnet_names(depth, 13))
    return _decur(names, attention)


def decur_vit():
    names = prefixed('module.backbone_1.', vit_names(2))
    return _decur(names | prefixed('module.backbone_2.', vit_names(13)))


def _decur(names, attention=False):
    names |= {'module.projector1.0.weight': (4, 4), 'module.projector2.1.running_mean': (4,),
              'module.bn.running_mean': (4,)}  # fmt: skip
    if attention:
        names |= {'module.da1_l3.proj_q.weight': (4, 4), 'module.da2_l4.rpe_table': (4, 4)}
    return {'epoch': 100, 'model': numbered(names), 'optimizer': {'state': {}}, 'args': options()}


def satlas(depth=50, prefix='backbone.resnet.'):
    encoder = {**resnet_names(depth, 9), 'fc.weight': (4, 4), 'fc.bias': (4,)}
    fpn = {
        'intermediates.0.fpn.inner_blocks.0.0.weight': (2, 2, 1, 1),
        'heads.0.layers.0.bias': (2,),
    }
    return numbered(prefixed(prefix, encoder) | fpn)


def blocks(name, count, dims, hidden):
    shapes = {}
    for index in range(count):
        for part, out, inside in (
            ('attn.qkv', 3 * dims, dims), ('attn.proj', dims, dims),
            ('mlp.fc1', hidden, dims), ('mlp.fc2', dims, hidden),
        ):  # fmt: skip
            shapes[f'{name}.{index}.{part}.weight'] = (out, inside)
            shapes[f'{name}.{index}.{part}.bias'] = (out,)
        for norm in ('norm1', 'norm2'):
            shapes[f'{name}.{index}.{norm}.weight'] = (dims,)
            shapes[f'{name}.{index}.{norm}.bias'] = (dims,)
    return shapes


def dofa(dims=24, count=2, patch=8, places=16):
    """(encoder's, rest's) names of DOFA_ViT_base_e100.pth, of another size."""
    generator = 'patch_embed.weight_generator'
    layer = f'{generator}.transformer_encoder.layers.0'
    names = {
        'cls_token': (1, 1, dims),
        'pos_embed': (1, 1 + places, dims),
        f'{generator}.weight_tokens': (128, 128),
        f'{generator}.bias_token': (1, 128),
        f'{layer}.self_attn.in_proj_weight': (384, 128),
        f'{layer}.self_attn.in_proj_bias': (384,),
    }
    for name, out, inside in (
        (f'{layer}.self_attn.out_proj', 128, 128), (f'{layer}.linear1', 2048, 128),
        (f'{layer}.linear2', 128, 2048), (f'{generator}.fc_weight', patch * patch * dims, 128),
        (f'{generator}.fc_bias', dims, 128), ('patch_embed.fclayer.w1', 128, 128),
        ('patch_embed.fclayer.w2', 128, 128),
    ):  # fmt: skip
        names |= {f'{name}.weight': (out, inside), f'{name}.bias': (out,)}
    for norm in ('norm1', 'norm2'):
        names |= {f'{layer}.{norm}.weight': (128,), f'{layer}.{norm}.bias': (128,)}
    names |= blocks('blocks', count, dims, 2 * dims)
    rest = {'mask_token': (1, 1, 8), 'norm.weight': (dims,), 'norm.bias': (dims,),
            'projector.weight': (8, dims), 'projector.bias': (8,)}  # fmt: skip
    return numbered(names), numbered(rest, start=500)


def satmae(dims=24, count=2, patch=8, places=16, finetuned=False, plus=False):
    """(encoder's, rest's) names of pretrain-vit-large-e199.pth, of another size; or SatMAE++'s."""
    names = {'cls_token': (1, 1, dims), 'pos_embed': (1, 1 + places, dims - 8),
             'channel_embed': (1, 3, 8)}  # fmt: skip
    for group, size in enumerate((4, 4, 2)):
        names[f'patch_embed.{group}.proj.weight'] = (dims, size, patch, patch)
        names[f'patch_embed.{group}.proj.bias'] = (dims,)
    names |= blocks('blocks', count, dims, 4 * dims)
    if finetuned:
        names['channel_cls_embed'] = (1, 1, 8)
        rest = {'fc_norm.weight': (dims,), 'fc_norm.bias': (dims,), 'head.weight': (62, dims)}
    else:
        rest = {
            'norm.weight': (dims,), 'norm.bias': (dims,), 'mask_token': (1, 1, 8),
            'decoder_embed.weight': (8, dims), 'decoder_pos_embed': (1, 17, 6),
            'decoder_channel_embed': (1, 4, 2), 'decoder_pred.0.weight': (256, 8),
            **blocks('decoder_blocks', 1, 8, 8),
        }  # fmt: skip
    if plus:
        rest |= {
            'proj_up_conv.weight': (40, 10, 1, 1), 'proj_up_conv.bias': (40,),
                 'proj_up_norm.weight': (40,), 'up_block1.up_conv.weight': (40, 40, 4, 4),
                 'up_block2.res_block.conv1.bias': (40,), 'up_block2.proj_out.bias': (10,),
        }  # fmt: skip
    return numbered(names), numbered(rest, start=500)
