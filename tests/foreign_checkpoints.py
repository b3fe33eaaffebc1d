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


def prefixed(prefix, shapes):
    return {f'{prefix}{name}': shape for name, shape in shapes.items()}


def moco(depth=50):
    heads = {'fc.0.weight': (4, 4), 'fc.0.bias': (4,), 'fc.2.weight': (2, 4), 'fc.2.bias': (2,)}
    encoder = {**resnet_names(depth, 13), **heads}
    names = {'module.queue': (2, 8), 'module.queue_ptr': (1,)}
    names |= prefixed('module.encoder_q.', encoder) | prefixed('module.encoder_k.', encoder)
    return {'epoch': 100, 'arch': 'resnet50', 'state_dict': numbered(names), 'optimizer': {}}


def dino(depth=50, module='module.'):
    names = prefixed(f'{module}backbone.', resnet_names(depth, 13))
    names |= {f'{module}head.mlp.0.weight': (2, 2), f'{module}head.last_layer.weight_g': (2, 1)}
    teacher, student = numbered(names), numbered(names, start=1000)
    return {'student': student, 'teacher': teacher, 'epoch': 100, 'args': Namespace(lr=0.1)}


def decur(depth=50):
    names = prefixed('module.backbone_1.', resnet_names(depth, 2))
    names |= prefixed('module.backbone_2.', resnet_names(depth, 13))
    names |= {'module.projector1.0.weight': (4, 4), 'module.projector2.1.running_mean': (4,),
              'module.bn.running_mean': (4,)}  # fmt: skip
    return {'epoch': 100, 'model': numbered(names), 'optimizer': {'state': {}}}


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


def satmae(dims=24, count=2, patch=8, places=16, finetuned=False):
    """(encoder's, rest's) names of pretrain-vit-large-e199.pth, of another size."""
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
    return numbered(names), numbered(rest, start=500)
