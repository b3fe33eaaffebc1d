"""What a table says of a fine-tuning, read from its config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from mmengine.config import Config

COLUMNS = ('data set', 'labels', 'modality', 'model', 'weights', 'encoder')
DATA_SETS = {
    'DFC2020Dataset': 'DFC2020',
    'NoLDODownstreamDataset': 'SSL4EO-S12',
    'NoLDOPretrainDataset': 'SSL4EO-S12@NoL',
    'PotsdamDataset': 'Potsdam',
    'PotsdamStoreDataset': 'Potsdam',
    'LoveDADataset': 'LoveDA',
    'LoveDAStoreDataset': 'LoveDA',
}
HEADS = {
    'PSPHead': 'PSPNet',
    'DepthwiseSeparableASPPHead': 'DeepLabV3+',
    'ASPPHead': 'DeepLabV3',
    'FPNHead': 'FPN',
    'UPerHead': 'UPerNet',
    'UNetHead': 'U-Net',
    'FCNHead': 'FCN',
}
BACKBONES = {
    'ResNet': 'R',
    'ResNetV1c': 'R',
    'StemResNet': 'R',
    'VisionTransformer': 'ViT',
    'DOFAViT': 'DOFA',
    'SatMAEViT': 'SatMAE',
}
ARCHS = {'small': 'S', 'base': 'B', 'large': 'L', 'huge': 'H'}
SENSORS = {'s1': 'S1', 's2': 'S2', 's12': 'S1 + S2'}
S2_BANDS = range(13)  # of a data set that chooses none
RESNET_STAGES = 4
SYNTHETIC_FOLDER = 'mini'  # folder of the synthetic data's stores
VIT_BLOCKS = {'small': 12, 'base': 12, 'large': 24, 'huge': 32}


def describe(cfg: Config) -> dict[str, str]:
    """The columns of a fine-tuning in a table.

    Args:
        cfg: A config of a segmentor, trained and tested with data loaders of its own.

    Returns:
        Text by name, in the order of ``COLUMNS``. What the config names by a type that is not
        known here keeps that name.
    """
    data, backbone = data_of(cfg.train_dataloader.dataset), cfg.model.backbone
    weights = ' + '.join(dict.fromkeys(_weights(cfg)))
    return {
        'data set': _data_set(data),
        'labels': _labels(data),
        'modality': _modality(data),
        'model': f'{_head(cfg.model)} {_backbone(backbone)}',
        'weights': weights or 'random',
        'encoder': _mode(cfg, bool(weights)),
    }


def data_of(dataset: Mapping) -> Mapping:
    """The data set in wrappers such as ``RepeatDataset``; the first of several."""
    while 'dataset' in dataset or 'datasets' in dataset:
        dataset = dataset['dataset'] if 'dataset' in dataset else dataset['datasets'][0]
    return dataset


def _kind(part: Mapping) -> str:
    kind = part.get('type', '?')
    return (kind if isinstance(kind, str) else kind.__name__).split('.')[-1]


def _data_set(data: Mapping) -> str:
    kind = _kind(data)
    name = DATA_SETS.get(kind, kind.removesuffix('Dataset'))
    if kind == 'NoLDODownstreamDataset':
        name = f'{name}@{data.get("label", "dw").upper()}'
    scene = f' {data["scene"]}' if data.get('scene') else ''
    parts = PurePosixPath(str(data.get('data_root', ''))).parts
    prefix = 'synthetic ' if SYNTHETIC_FOLDER in parts else ''
    return f'{prefix}{name}{scene}'


def _labels(data: Mapping) -> str:
    """How many of the labels are used: a share, a number of patches, or all."""
    subset, indices = data.get('subset') or {}, data.get('indices')
    if 'fraction' in subset:
        return f'{100 * subset["fraction"]:g} %'
    if data.get('split_file'):
        return PurePosixPath(data['split_file']).stem
    if 'count' in subset:
        return str(subset['count'])
    if indices is None:
        return 'all'
    return str(indices if isinstance(indices, int) else len(indices))


def _modality(data: Mapping) -> str:
    bands = data.get('bands')
    kind = DATA_SETS.get(_kind(data))
    if kind == 'Potsdam':
        return str(bands or 'RGB') + (' + DSM' if data.get('dsm') else '')
    if kind == 'LoveDA':
        return 'RGB'
    modality = data.get('modality', 's2')
    name = SENSORS.get(modality, str(modality))
    if modality == 's1':
        return name
    if isinstance(bands, Mapping):
        bands = bands.get('s2')
    count = bands if isinstance(bands, (int, str)) else len(bands or S2_BANDS)
    return f'{name} ({count})'


def _head(model: Mapping) -> str:
    head = model['decode_head']
    kind = _kind(head[-1] if isinstance(head, (list, tuple)) else head)
    return HEADS.get(kind, kind)


def _backbone(backbone: Mapping) -> str:
    kind = _kind(backbone)
    if kind == 'DualBackbone':
        parts = list(dict.fromkeys(_backbone(part) for part in backbone['backbones'].values()))
        names = f'2 x {parts[0]}' if len(parts) == 1 else ' + '.join(parts)
        return f'{names} ({backbone.get("fusion", "concat")})'
    name = BACKBONES.get(kind, kind)
    if 'depth' in backbone:
        return f'{name}{backbone["depth"]}'
    arch = _arch(backbone)
    if isinstance(arch, Mapping):
        size = f'{arch.get("embed_dims", "?")} x {arch.get("num_layers", "?")}'
        return f'{name} ({size})'
    return f'{name}-{ARCHS.get(arch, arch)}'


def _arch(backbone: Mapping) -> str | Mapping:
    return backbone.get('arch', 'large' if _kind(backbone) == 'SatMAEViT' else 'base')


def _encoders(backbone: Mapping) -> list[Mapping]:
    """The backbone, or those that it is made of."""
    return list((backbone.get('backbones') or {}).values()) or [backbone]


def _weights(cfg: Config) -> Iterator[str]:
    """Names of the checkpoints that training begins from."""
    if cfg.get('load_from'):
        yield _name(cfg.load_from)
    if cfg.model.get('pretrained'):
        yield _name(cfg.model.pretrained)
    backbone = cfg.model.backbone
    parts = [backbone, *(part for part in _encoders(backbone) if part is not backbone)]
    for part in parts:
        for init in initialisations(part):
            yield _name(init['checkpoint'])


def initialisations(part: Mapping) -> list[Mapping]:
    """The entries of a module's ``init_cfg`` that load a checkpoint."""
    given = part.get('init_cfg') or []
    given = given if isinstance(given, (list, tuple)) else [given]
    return [init for init in given if init.get('checkpoint')]


def _name(checkpoint: str) -> str:
    """A run's folder for a checkpoint of MMEngine's making, otherwise the file's own name.

    What follows a question mark is how the weights are brought into the model, not which they are.
    """
    path = PurePosixPath(checkpoint.partition('?')[0])
    made = path.stem.startswith(('epoch_', 'iter_', 'best_')) and path.parent.name
    return path.parent.name if made else path.stem


def _mode(cfg: Config, pretrained: bool) -> str:
    given = (*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or []))
    hooks = {_kind(hook): hook for hook in given if hook}
    if hooks.get('UnfreezeEncoderHook', {}).get('begin', 0) > 0:
        return 'frozen, later fine-tuned'
    if 'FreezeEncoderHook' in hooks:
        return 'frozen'
    frozen = [_frozen(encoder) for encoder in _encoders(cfg.model.backbone)]
    if any(frozen):
        return 'frozen' if min(frozen) == 1 else 'partly frozen'
    return 'fine-tuned' if pretrained else 'from scratch'


def _frozen(encoder: Mapping) -> float:
    """Share of an encoder's stages or blocks that ``frozen_stages`` freezes."""
    stages = encoder.get('frozen_stages', -1)
    arch = _arch(encoder)
    blocks = arch.get('num_layers') if isinstance(arch, Mapping) else VIT_BLOCKS.get(arch, 12)
    total = RESNET_STAGES if 'depth' in encoder else blocks or 12
    return min(1.0, (stages + 1) / (total + 1))
