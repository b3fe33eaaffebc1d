"""The configs of the package, each read once, and which of them hold another network."""

import copy
import json
from functools import cache
from pathlib import Path
from unittest.mock import patch

from mmengine.config import Config, ConfigDict

from helpers.paths import ROOT

FOLDER = ROOT / 'configs'
CONFIGS = sorted(
    path.relative_to(FOLDER).as_posix()
    for path in FOLDER.rglob('*.py')
    if '_base_' not in path.parts
)
FINETUNE = [name for name in CONFIGS if name.startswith('finetune/')]
# What makes no other network: where weights come from, and the number of bands and classes.
_SETTINGS = ('init_cfg', 'frozen_stages', 'num_classes', 'bands')
_PLACES = ('data_root', 'holdout', 'indices', 'split_file', 'ann_file', 'subset', 'scene')


@cache
def read(name):
    """A config that is not to be changed."""
    with patch.object(Config, '_file2dict', staticmethod(_parts)):
        return Config.fromfile(FOLDER / name)


_parse = Config._file2dict
_parsed = {}


def _parts(filename, *args, **kwargs):
    """MMEngine's, but a base that many configs have is parsed only once."""
    key = str(Path(filename).resolve())
    if key not in _parsed:
        found = _parse(filename, *args, **kwargs)
        if '_base_' not in Path(filename).parts:
            return found
        _parsed[key] = found
    return copy.deepcopy(_parsed[key])


def load(name):
    """A config of one's own."""
    return copy.deepcopy(read(name))


def inner_dataset(loader):
    """The settings of a loader's data set, out of what repeats it."""
    return loader.dataset.dataset if loader.dataset.type == 'RepeatDataset' else loader.dataset


def loaders(cfg):
    """Name and settings of the config's loaders."""
    names = ('train_dataloader', 'val_dataloader', 'test_dataloader')
    return [(name, cfg[name]) for name in names if cfg.get(name)]


def encoders(model):
    """Settings of the model's encoders by name, '' for the only one."""
    owner = model if 'backbones' in model else model.backbone
    return dict(owner.backbones) if 'backbones' in owner else {'': model.backbone}


def _without(node, dropped):
    if isinstance(node, (dict, ConfigDict)):
        return {k: _without(v, dropped) for k, v in node.items() if k not in dropped}
    if isinstance(node, (list, tuple)):
        return [_without(value, dropped) for value in node]
    return node


def _network(name):
    model = load(name).model
    for encoder in encoders(model).values():
        encoder.pop('in_channels', None)
    return json.dumps(_without(model, _SETTINGS), sort_keys=True)


def _data(name):
    cfg = read(name)
    parts = [_without(inner_dataset(loader), _PLACES) for _, loader in loaders(cfg)]
    return json.dumps([parts, _without(cfg.model.data_preprocessor, ())], sort_keys=True)


def _distinct(names, key):
    return [*{key(name): name for name in reversed(names)}.values()][::-1]


def distinct_networks(names=tuple(CONFIGS)):
    """The first config of every network."""
    return _distinct(names, _network)


def distinct_data(names=tuple(CONFIGS)):
    """The first config of every way to read a data set."""
    return _distinct(names, _data)
