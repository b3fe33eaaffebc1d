"""Raw patches through prediction, and the same patches from a store through the test tool."""

import copy
import importlib.util

import cv2
import numpy as np
import pytest
from helpers.aerial_raw_trees import potsdam_path, write_potsdam
from helpers.paths import ROOT
from helpers.small_raw_trees import dfc_path, write_dfc
from helpers.small_scenes import read_map
from helpers.tiny_segmentation import cross_modal_model
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mmss_plugins.apis.prediction.cli import main
from mmss_plugins.prepare import dfc2020, potsdam

TOOL = ROOT / 'tools' / 'test.py'
SIZE = 32
NUMBERS = (0, 1, 2, 3)
TILES = dict.fromkeys(('2_10', '2_11', '2_12', '6_7'), 'train') | {'7_13': 'test'}
RESNET = {'type': 'ResNet', 'depth': 18, 'base_channels': 4, 'stem_channels': 4,
          'strides': (1, 1, 1, 1), 'out_indices': (0, 1)}  # fmt: skip
HEAD = {'type': 'FCNHead', 'in_channels': 8, 'channels': 8, 'num_classes': 8, 'in_index': 1,
        'num_convs': 1, 'concat_input': False,
        'init_cfg': {'type': 'Normal', 'std': 0.3}}  # fmt: skip


pytestmark = pytest.mark.usefixtures('quick_runs')


@pytest.fixture(scope='module')
def raw(tmp_path_factory):
    """Raw trees and the stores that the tools make of them."""
    root = tmp_path_factory.mktemp('raw')
    write_dfc(root / 'dfc', 'test', NUMBERS, size=SIZE)
    write_potsdam(root / 'potsdam', list(TILES), SIZE, SIZE)
    options = ['--workers', '1']
    arguments = [str(root / 'dfc'), str(root / 'dfc_stores'), '--splits', 'test', *options]
    assert dfc2020.main(arguments) == 0
    arguments = [str(root / 'potsdam'), str(root / 'potsdam_stores'), '--size', str(SIZE), *options]
    assert potsdam.main(arguments) == 0
    return root


def segmentor(backbone, head=(), **preprocessor):
    kind = 'mmss_plugins.MultiBandSegDataPreProcessor'
    return {
        'type': 'EncoderDecoder',
        'data_preprocessor': {'type': kind, **preprocessor},
        'backbone': {**RESNET, **backbone},
        'decode_head': {**HEAD, **dict(head)},
        'test_cfg': {'mode': 'whole'},
    }


def cross_modal(**kwargs):
    model = cross_modal_model(**kwargs)
    model['decode_head']['num_classes'] = 8
    return model


DUAL = segmentor({}, {'in_channels': 16})
DUAL['backbone'] = {
    'type': 'mmss_plugins.DualBackbone',
    'backbones': {'s1': {**RESNET, 'in_channels': 2}, 's2': {**RESNET, 'in_channels': 13}},
}
STATISTICS = {'mean': [0.3 + i / 50 for i in range(13)], 'std': [0.2 + i / 50 for i in range(13)]}
RGB = {'mean': [0.4, 0.5, 0.6], 'std': [0.3, 0.2, 0.1]}
STOCK = segmentor({}, {'num_classes': 6})
STOCK['data_preprocessor'] = {
    'type': 'SegDataPreProcessor', 'mean': [100, 120, 140], 'std': [50, 60, 70],
    'size': (SIZE, SIZE),
}  # fmt: skip
NAMES = ['B12', 'B4', 'B8A']
CASES = {
    's2 clip8': (segmentor({'in_channels': 13}), {'modality': 's2', 'image_dtype': 'uint8'}),
    's2 standardise': (
        segmentor({'in_channels': 13}), {'modality': 's2', 'normalize': 'standardise'},
    ),
    's2 physical, statistics of its own': (
        segmentor({'in_channels': 13}, **STATISTICS), {'modality': 's2', 'bands': 13},
    ),
    's2 chosen bands': (segmentor({}), {'modality': 's2', 'bands': NAMES}),
    's1 clip8': (segmentor({'in_channels': 2}), {'modality': 's1'}),
    's1 standardise': (
        segmentor({'in_channels': 2}), {'modality': 's1', 'normalize': 'standardise'},
    ),
    's12 dual': (DUAL, {'modality': 's12', 'normalize': 'standardise'}),
    's12 cross-modal': (cross_modal(), {'modality': 's12', 'image_dtype': 'uint8'}),
    'aerial': (segmentor({}, {'num_classes': 6}, **RGB), None),
    'aerial, stock preprocessor': (STOCK, None),
}  # fmt: skip


def write_config(folder, raw, model, options):
    """A config that trains for two iterations (of one epoch: MMEngine rests between epochs)."""
    if options is None:
        dataset = {'type': 'mmss_plugins.PotsdamDataset'}
        roots = [str(raw / 'potsdam_stores' / f'{split}.lmdb') for split in ('train', 'test')]
    else:
        dataset = {'type': 'mmss_plugins.DFC2020Dataset', **options}
        roots = [str(raw / 'dfc_stores' / 'test.lmdb')] * 2
    train, test = (
        {
            'batch_size': 2,
            'num_workers': 0,
            'sampler': {'type': 'DefaultSampler', 'shuffle': False},
            'dataset': {**dataset, 'data_root': root, 'pipeline': [{'type': 'PackSegInputs'}]},
        }
        for root in roots
    )
    config = {
        'model': copy.deepcopy(model),
        'work_dir': str(folder / 'work'),
        'default_scope': 'mmseg',
        'default_hooks': {
            'checkpoint': {'type': 'CheckpointHook', 'interval': 2, 'by_epoch': False}
        },
        'custom_hooks': [{'type': 'mmss_plugins.InputSpecificationHook'}],
        'randomness': {'seed': 1},
        'experiment_name': folder.name,
        'train_dataloader': train,
        'train_cfg': {'type': 'IterBasedTrainLoop', 'max_iters': 2},
        'optim_wrapper': {'optimizer': {'type': 'SGD', 'lr': 0.01}},
        'test_dataloader': test,
        'test_cfg': {},
        'test_evaluator': {'type': 'IoUMetric'},
    }
    path = folder / 'tiny.py'
    path.write_text(''.join(f'{key} = {value!r}\n' for key, value in config.items()))
    return path


def run_test_tool(config, checkpoint, out):
    spec = importlib.util.spec_from_file_location('the_test_tool', TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    tool.main([str(config), str(checkpoint), '--out', str(out)])


def scenes(raw, options):
    """Arguments that name the raw patches, and per patch its name in the store and in the maps."""
    if options is None:
        names = [name for name, split in TILES.items() if split == 'test']
        paths = [potsdam_path(raw / 'potsdam', 'RGB', name) for name in names]
        return paths, {f'{n}-0000-0000': path.stem for n, path in zip(names, paths, strict=True)}
    kinds = {'s12': ['s1', 's2']}.get(options['modality'], [options['modality']])
    arguments = []
    for kind in kinds:
        paths = [dfc_path(raw / 'dfc', 'test', kind, number) for number in NUMBERS]
        arguments += [f'--{kind}', *paths] if len(kinds) > 1 else paths
    return arguments, {f'p{n}': path.stem for n, path in zip(NUMBERS, paths, strict=True)}


@pytest.mark.parametrize('case', CASES)
def test_the_same_pixels_as_the_test_tool(raw, tmp_path, case):
    model, options = CASES[case]
    config = write_config(tmp_path, raw, model, options)
    Runner.from_cfg(Config.fromfile(config)).train()
    DefaultScope._instance_dict.clear()
    checkpoint = tmp_path / 'work' / 'iter_2.pth'
    run_test_tool(config, checkpoint, tmp_path / 'tested')
    arguments, names = scenes(raw, options)
    argv = [config, checkpoint, *arguments, '--out', tmp_path / 'maps', '--window', SIZE]
    argv += ['--workers', 0, '--device', 'cpu', '--batch-size', 2]
    assert main([str(argument) for argument in argv]) == 0
    assert len(names) == (1 if options is None else len(NUMBERS))
    for tested, predicted in names.items():
        expected = cv2.imread(str(tmp_path / 'tested' / f'{tested}.png'), cv2.IMREAD_UNCHANGED)
        found = read_map(tmp_path / 'maps' / f'{predicted}_classes.tif')
        assert expected.shape == (SIZE, SIZE)
        np.testing.assert_array_equal(found, expected)
        assert len(np.unique(found)) > 1, 'a map of one class shows nothing'


def test_a_larger_scene_than_the_patches(raw, tmp_path):
    """A scene of two patches side by side, windows of their size without overlap: their maps."""
    import rasterio
    from helpers.small_raw_trees import read_raw, write_tiff

    model, options = CASES['s2 clip8']
    config = write_config(tmp_path, raw, model, options)
    Runner.from_cfg(Config.fromfile(config)).train()
    run_test_tool(config, tmp_path / 'work' / 'iter_2.pth', tmp_path / 'tested')
    patches = [read_raw(dfc_path(raw / 'dfc', 'test', 's2', number)) for number in (0, 1)]
    write_tiff(tmp_path / 'wide.tif', np.concatenate(patches, axis=2))
    argv = [config, tmp_path / 'work' / 'iter_2.pth', tmp_path / 'wide.tif', '--out', tmp_path]
    argv += ['--window', SIZE, '--overlap', 0, '--workers', 0, '--device', 'cpu']
    assert main([str(argument) for argument in argv]) == 0
    expected = [
        cv2.imread(str(tmp_path / 'tested' / f'p{n}.png'), cv2.IMREAD_UNCHANGED) for n in (0, 1)
    ]
    found = read_map(tmp_path / 'wide_classes.tif')
    np.testing.assert_array_equal(found, np.concatenate(expected, axis=1))
    with rasterio.open(tmp_path / 'wide_classes.tif') as file:
        assert file.tags()['CLASS_0'] == 'water'
