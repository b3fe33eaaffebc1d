"""Configs over tiny stores and with narrow networks, so that they train in a moment."""

import numpy as np
import torch
from mmengine.config import ConfigDict
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import DATASETS, MODELS

import mmss_plugins.models  # noqa: F401  (before the collection of tests ends: see conftest.py)
from helpers.config_files import encoders, inner_dataset, loaders
from helpers.scene_stores import write_area_store, write_scene_store
from helpers.store_factory import (
    LABEL_FIELD,
    image_field,
    random_sample,
    write_aerial_store,
    write_dfc_store,
    write_noldo_store,
)
from mmss_plugins.bands import S1, S2
from mmss_plugins.datasets import LoveDADataset, PotsdamDataset
from mmss_plugins.datasets.noldo_downstream import LABELS
from mmss_plugins.store.reader import StoreMeta, StoreWriter

PATCHES = 8
SIZE = 64
# Not 8: with fewer than eight channels, oneDNN in the CUDA build of torch 2.13 corrupts memory in
# the backward pass of channels-last convolutions on CPUs without AVX-512.
TIMES_NARROWER = 4
_WIDTHS = (
    'in_channels', 'channels', 'c1_in_channels', 'c1_channels', 'out_channels', 'hid_channels',
    'decoder_channels', 'embed_dim',
)  # fmt: skip
_BLOCKS = 4


def write_stores(root, size=SIZE):
    """A store for every data set, by the name that :func:`store_of` gives."""
    ids = [f'p{i}' for i in range(PATCHES)]
    write_dfc_store(root / 'dfc.lmdb', ids=ids, size=size)
    write_noldo_store(root / 'noldo.lmdb', ids=[f'{i:07d}' for i in range(PATCHES)], size=size)
    for label in ('dw', 'osm'):
        _write_downstream_store(root / f'{label}.lmdb', label, ids, size)
    tiles = [f'2_{10 + i}-0000-0000' for i in range(PATCHES)]
    images = [f'{scene}_{i}' for scene in ('urban', 'rural') for i in range(PATCHES)]
    write_aerial_store(root / 'potsdam.lmdb', PotsdamDataset, tiles, size=size)
    write_aerial_store(root / 'loveda.lmdb', LoveDADataset, images, size=size)
    write_scene_store(root / 'scenes.lmdb', ids=ids, size=size)
    write_scene_store(root / 'seasons.lmdb', seasons=('date1',), ids=ids, size=size)
    write_scene_store(root / 'pictures.lmdb', ['image'], ids=ids, size=size)
    write_area_store(root / 'area.lmdb', ids, size)
    return root


def _write_downstream_store(path, label, ids, size):
    rng = np.random.default_rng(0)
    classes = LABELS[label]['classes']
    fields = {'s1': image_field(S1, 'float32'), 's2': image_field(S2), 'label': LABEL_FIELD}
    meta = StoreMeta(dataset=label, split='train', classes=classes, fields=fields)
    with StoreWriter(path, meta) as writer:
        for name in ids:
            writer.put(name, random_sample(rng, size, len(classes)))


def store_of(settings):
    """Which of the stores a data set reads."""
    kind = settings.type.removeprefix('mmss_plugins.').removesuffix('Dataset')
    if kind == 'SegmentationStore':
        if 'area' in settings.data_root:
            return 'area.lmdb'
        sensors = 'seasons' if 'season' in settings else 'scenes'
        return f'{sensors if settings.get("modality") else "pictures"}.lmdb'
    names = {'DFC2020': 'dfc', 'NoLDOPretrain': 'noldo', 'Potsdam': 'potsdam', 'LoveDA': 'loveda'}
    return f'{settings.label if kind == "NoLDODownstream" else names[kind]}.lmdb'


def use_stores(cfg, stores):
    """Let the config read all of the small stores, in batches of two and in this process."""
    for _, loader in loaders(cfg):
        settings = inner_dataset(loader)
        settings.data_root = str(stores / store_of(settings))
        for part in ('holdout', 'indices', 'split_file', 'ann_file', 'subset'):
            settings.pop(part, None)
        loader.update(batch_size=2, num_workers=0, persistent_workers=False)
        loader.dataset = settings
    return cfg


def small_views(cfg):
    """Let training see images of the size of the small stores."""
    for step in _steps(cfg.train_dataloader.dataset.pipeline):
        if step.type == 'RandomResize':
            step.scale = (SIZE, SIZE)
        if step.type == 'RandomCrop':
            step.crop_size = (SIZE, SIZE)
        if step.type.endswith('RandomResizedCrop') or step.type.endswith('CropMultiBand'):
            step.scale = SIZE
    if 'size' in cfg.model.data_preprocessor:
        cfg.model.data_preprocessor.size = (SIZE, SIZE)
    return cfg


def _steps(pipeline):
    for step in pipeline:
        yield step
        for inner in step.get('transforms', ()):  # of the views
            yield from _steps(inner if isinstance(inner, list) else [inner])


def narrow(cfg):
    """Divide all widths of the network by one number; what did not fit before does not now."""
    for encoder in encoders(cfg.model).values():
        _narrow_encoder(encoder)
    if cfg.model.get('common'):
        _narrow_encoder(cfg.model.common)
    for part in ('neck', 'decode_head'):
        if cfg.model.get(part):
            _narrow_part(cfg.model[part])
    return cfg


def _narrow_encoder(encoder):
    if encoder.type.endswith('ResNet'):
        for width in ('base_channels', 'stem_channels'):
            encoder[width] = encoder.get(width, 64) // TIMES_NARROWER
    else:
        shallow(encoder, TIMES_NARROWER)
        if 'group_dims' in encoder or encoder.type.endswith('SatMAEViT'):
            encoder.group_dims = encoder.get('group_dims', 256) // TIMES_NARROWER


def shallow(encoder, times=1):
    """Give a transformer four blocks."""
    arch = encoder.arch
    if isinstance(arch, str):
        arch = {'base': (768, 12), 'large': (1024, 16)}[arch]
        arch = {'embed_dims': arch[0], 'num_heads': arch[1]}
        if encoder.type.startswith('mmpretrain'):
            arch['feedforward_channels'] = 4 * arch['embed_dims']
    arch = ConfigDict(arch, num_layers=_BLOCKS)
    if times > 1:
        arch.num_heads = 2
        arch.embed_dims //= times
        if 'feedforward_channels' in arch:
            arch.feedforward_channels //= times
    encoder.update(arch=arch, out_indices=tuple(range(_BLOCKS)))


def _narrow_part(part):
    for key in _WIDTHS:
        if key in part:
            width = part[key]
            many = isinstance(width, (list, tuple))
            part[key] = [w // TIMES_NARROWER for w in width] if many else width // TIMES_NARROWER


def build_model(cfg):
    """The model as a run on one CPU has it."""
    return revert_sync_batchnorm(MODELS.build(cfg.model))


def build_dataset(loader):
    """A loader's data set."""
    return DATASETS.build(loader.dataset)


def channels(encoder):
    """How many bands an encoder is set to take."""
    if 'in_channels' in encoder:
        return encoder.in_channels
    with torch.device('meta'):
        return MODELS.build(encoder).in_channels
