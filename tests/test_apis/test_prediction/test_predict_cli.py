import copy
import importlib.util
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.shutil
import scipy.stats
import torch
from helpers.paths import ROOT
from helpers.small_raw_trees import S2_BANDS
from helpers.small_scenes import (
    CLASSES,
    PALETTE,
    optical,
    radar,
    read_map,
    reflectance,
    spec,
    write_scene,
)
from mmengine.config import Config
from mmengine.model import BaseModule
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmss_plugins.apis.prediction.cli import main, training_crop
from mmss_plugins.apis.prediction.network_input import network_channels
from mmss_plugins.checkpoints.spec.input_specification import SPECIFICATION_KEY
from mmss_plugins.store.lock import WriterLock

BANDS = ['B4', 'B3', 'B2']
S2 = optical(BANDS)
SHAPE = (20, 33)


@pytest.fixture(autouse=True)
def _program(monkeypatch):
    monkeypatch.setattr('sys.argv', ['tools/predict.py'])


@MODELS.register_module(name='TestPassThrough')
class PassThrough(BaseModule):
    """Features that are the image."""

    def forward(self, inputs):
        return (inputs,)


def segmentor(channels=3):
    """A convolution of 1 x 1 as one of MMSegmentation's segmentors."""
    return {
        'type': 'EncoderDecoder',
        'data_preprocessor': {'type': 'mmss_plugins.MultiBandSegDataPreProcessor'},
        'backbone': {'type': 'TestPassThrough'},
        'decode_head': {'type': 'FCNHead', 'in_channels': channels, 'channels': channels,
                        'num_classes': 3, 'in_index': 0, 'num_convs': 0, 'concat_input': False},
        'test_cfg': {'mode': 'whole'},
    }  # fmt: skip


class Setup:
    """A folder with a config, a checkpoint of it, and scenes."""

    def __init__(self, folder, channels=3, **entries):
        self.folder, self.maps = folder, folder / 'maps'
        model = segmentor(channels)
        init_default_scope('mmseg')
        network = MODELS.build(copy.deepcopy(model))
        head = network.decode_head.conv_seg
        generator = torch.Generator().manual_seed(0)
        head.weight.data = 4 * torch.randn(3, channels, 1, 1, generator=generator)
        head.bias.data.zero_()
        self.weight = head.weight.detach()[:, :, 0, 0].numpy()
        meta = {
            SPECIFICATION_KEY: spec(**(entries or {'s2': S2})).to_dict(),
            'dataset_meta': {'classes': CLASSES, 'palette': PALETTE},
        }
        torch.save({'meta': meta, 'state_dict': network.state_dict()}, folder / 'best.pth')
        crop = [{'type': 'RandomCrop', 'crop_size': (12, 16)}]
        text = f"default_scope = 'mmseg'\nmodel = {model}\n"
        text += f'train_dataloader = dict(dataset=dict(pipeline={crop}))\n'
        (folder / 'tiny.py').write_text(text)

    def scene(self, name, image=None, **profile):
        image = reflectance(SHAPE) if image is None else image
        return write_scene(self.folder / name, image, **profile)

    def run(self, *arguments, window=8):
        argv = [self.folder / 'tiny.py', self.folder / 'best.pth', '--out', self.maps]
        argv += ['--workers', 0, '--device', 'cpu', *(['--window', window] if window else [])]
        argv += arguments  # scenes may come after options, and before
        return main([str(argument) for argument in argv])

    def expected(self, image):
        """Classes of one pass over an image of all bands."""
        inputs = network_channels(image[[3, 2, 1]], S2, 's2')
        return np.einsum('kc,chw->khw', self.weight.astype(np.float64), inputs).argmax(0)

    def files(self):
        return sorted(path.name for path in self.maps.iterdir())


@pytest.fixture
def home(tmp_path):
    return Setup(tmp_path)


def test_a_segmentor_pixel_by_pixel_gives_the_map_of_one_pass(home, capsys):
    image = reflectance(SHAPE)
    scene = home.scene('a.tif', image)
    assert home.run(scene) == 0
    expected = home.expected(image)
    np.testing.assert_array_equal(read_map(home.maps / 'a_classes.tif'), expected)
    assert home.files() == ['a_classes.json', 'a_classes.tif']
    report = json.loads((home.maps / 'a_classes.json').read_text())
    assert report['pixels'] == {n: int((expected == i).sum()) for i, n in enumerate(CLASSES)}
    said = capsys.readouterr().out
    assert 'a: 20 x 33 pixels in' in said
    assert f'written: {home.maps / "a_classes.tif"}' in said
    assert home.run(scene, '--overwrite', '--overlap', 0, '--batch-size', 3, window=None) == 0
    np.testing.assert_array_equal(read_map(home.maps / 'a_classes.tif'), expected)


def test_bands_of_the_files_in_any_order(home):
    image = reflectance(SHAPE)
    home.scene('named.tif', image[[1, 8, 3, 2]], names=['B02', 'B8A', 'B04', 'B03'])
    home.scene('told.tif', image[[2, 3, 1, 0]])
    home.scene('three.tif', image[[3, 2, 1]])
    for band, index in (('B02', 1), ('B03', 2), ('B04', 3), ('B08', 7)):
        write_scene(home.folder / 'safe' / f'T33_x_{band}.tif', image[[index]])
    scenes = [home.folder / name for name in ('named.tif', 'three.tif', 'safe')]
    assert home.run(*scenes) == 0
    assert home.run(home.folder / 'told.tif', '--s2-bands', 'b3,B4,B02, B1') == 0
    for name in ('named', 'three', 'told', 'T33_x'):
        found = read_map(home.maps / f'{name}_classes.tif')
        np.testing.assert_array_equal(found, home.expected(image))


def test_options_that_say_what_the_values_are(home):
    image = reflectance(SHAPE)
    expected = home.expected(image)
    cases = {
        'offset': (image + 1000, ['--s2-offset', 1000]),
        'scale': ((image / 10000).astype(np.float64), ['--s2-scale', 10000]),
    }
    for name, (values, options) in cases.items():
        assert home.run(home.scene(f'{name}.tif', values), *options) == 0
        found = read_map(home.maps / f'{name}_classes.tif')
        assert (found == expected).mean() > 0.99, 'but for a rounding to 8 bits'
    image[:, 3:5, 7] = 0
    assert home.run(home.scene('empty.tif', image), '--nodata', 0) == 0
    found = read_map(home.maps / 'empty_classes.tif')
    assert (found == 255).sum() == 2
    assert (found[3:5, 7] == 255).all()


def test_maps_that_are_there_are_kept(home, capsys):
    scene = home.scene('a.tif')
    assert home.run(scene) == 0
    file = home.maps / 'a_classes.tif'
    written = file.stat().st_ino, file.stat().st_mtime_ns  # reading it changes the access time
    assert home.run(scene) == 0
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == written
    said = 'a_classes.tif: already there; --overwrite predicts it again'
    assert said in capsys.readouterr().out
    assert home.run(scene, '--confidence', '--probabilities') == 0, 'one of three is there'
    assert home.files() == ['a_classes.json', *(
        f'a_{kind}.tif' for kind in ('classes', 'confidence', 'probabilities')
    )]  # fmt: skip
    after = (home.maps / 'a_classes.tif').read_bytes()
    home.scene('a.tif', reflectance(SHAPE, seed=2))
    assert home.run(scene, '--overwrite') == 0
    assert (home.maps / 'a_classes.tif').read_bytes() != after


def other_scene(home):
    os.utime(home.scene('a.tif', reflectance(SHAPE, seed=1)), (1, 1))


def other_checkpoint(home):
    content = torch.load(home.folder / 'best.pth', weights_only=True)
    content['state_dict']['decode_head.conv_seg.bias'] += 1
    torch.save(content, home.folder / 'best.pth')


@pytest.mark.parametrize(
    ('change', 'options', 'said'),
    [
        (other_scene, (), 'files differs'),
        (other_checkpoint, (), 'checkpoint differs'),
        (None, ('--overlap', 1), 'overlap differs'),
        (None, ('--nodata', 7), 'nodata differs'),
        (None, ('--s2-offset', 100), 'values differs'),
        (None, ('--nodata', 7, '--overlap', 1), 'overlap, nodata differ'),
    ],
)
def test_a_map_that_was_made_otherwise_is_not_mistaken_for_this_one(
    home, capsys, change, options, said
):
    scene = home.scene('a.tif')
    assert home.run(scene) == 0
    before = (home.maps / 'a_classes.tif').read_bytes()
    if change:
        change(home)
    assert home.run(scene, *options) == 1
    error = capsys.readouterr().err
    assert f'a_classes.tif: a map is there that was made otherwise ({said})' in error
    assert (home.maps / 'a_classes.tif').read_bytes() == before
    assert home.run(scene, *options, '--overwrite') == 0
    assert home.run(scene, *options) == 0


def test_a_damaged_map_is_not_accepted(home, capsys):
    scene = home.scene('a.tif')
    assert home.run(scene) == 0
    path = home.maps / 'a_classes.tif'
    content = path.read_bytes()
    path.write_bytes(content[:-300])
    assert home.run(scene) == 1
    assert 'a_classes.tif: damaged map' in capsys.readouterr().err
    assert home.run(scene, '--overwrite') == 0
    assert path.read_bytes() == content


def test_two_runs_do_not_write_one_map(home, capsys):
    first, second = home.scene('a.tif'), home.scene('b.tif')
    home.maps.mkdir()
    with WriterLock(home.maps, 'predicting', '.a.lock'):
        assert home.run(first, second) == 1
    assert 'another process is predicting a: wait' in capsys.readouterr().err
    assert home.files() == ['b_classes.json', 'b_classes.tif']
    assert home.run(first, second) == 0
    assert len(home.files()) == 4


def test_one_bad_scene_does_not_stop_the_others(home, capsys):
    first, last = home.scene('first.tif'), home.scene('last.tif')
    small = home.scene('small.tif', (reflectance(SHAPE) / 10000).astype(np.float32))
    broken = home.folder / 'broken.tif'
    broken.write_bytes(b'II*\0')
    missing = home.folder / 'missing.tif'
    assert home.run(first, small, broken, missing, last) == 1
    assert [name for name in home.files() if name.endswith('.tif')] == [
        'first_classes.tif', 'last_classes.tif',
    ]  # fmt: skip
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith('error: ')]
    starts = [
        f'error: {small}: expected Sentinel-2 B4 as reflectance x 10000',
        f'error: {broken}: unreadable image',
        f'error: {missing}: missing file',
    ]
    assert len(errors) == 3
    assert all(line.startswith(start) for line, start in zip(errors, starts, strict=True))


def test_a_failed_run_keeps_the_map_that_is_there(home, capsys):
    scene = home.scene('a.tif')
    assert home.run(scene) == 0
    before = {path.name: path.read_bytes() for path in home.maps.iterdir()}
    content = torch.load(home.folder / 'best.pth', weights_only=True)
    content['state_dict']['decode_head.conv_seg.bias'] += float('nan')
    torch.save(content, home.folder / 'best.pth')
    assert home.run(scene, '--overwrite') == 1
    assert 'error: scene a: best.pth gives values that are not' in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in home.maps.iterdir()} == before


def test_maps_that_cannot_be_written(home, capsys):
    home.maps.touch()
    assert home.run(home.scene('a.tif')) == 1
    assert str(home.maps) in capsys.readouterr().err


def test_scenes_of_two_modalities(tmp_path, capsys):
    home = Setup(tmp_path, channels=5, s1=radar(), s2=S2)
    image, waves = reflectance(SHAPE), reflectance(SHAPE, 2).astype(np.float32) / 200 - 30
    one, two = home.scene('one.tif', waves), home.scene('two.tif', image)
    other = home.scene('other.tif', waves)
    assert home.run('--s2', two, '--s1', one) == 0
    inputs = [network_channels(waves, radar(), 's1')]
    inputs.append(network_channels(image[[3, 2, 1]], S2, 's2'))
    expected = np.einsum('kc,chw->khw', home.weight.astype(np.float64), np.concatenate(inputs))
    found = read_map(home.maps / 'two_classes.tif')
    np.testing.assert_array_equal(found, expected.argmax(0))
    wrong = {
        (two,): 'wants s1 and s2: expected --s1 SCENE... and --s2 SCENE..., but got SCENE',
        ('--s1', one): 'but got --s1',
        (two, '--s1', one): 'but got --s1 and SCENE',
        ('--s1', one, other, '--s2', two): 'each modality, but got 2 of --s1, 1 of --s2',
        ('--s1', one, other, '--s2', two, two): 'more than one scene is named two',
    }
    for arguments, said in wrong.items():
        assert home.run(*arguments) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ('arguments', 'said'),
    [
        ([], 'the model wants s2: expected SCENE... (s2), but got no scene'),
        (['--s1', 'a.tif'], 'the model wants s2: expected SCENE... (s2), but got --s1'),
        (['a.tif', '--s2', 'a.tif'], 'give the scenes, or --s2, but not both'),
        (['a.tif', 'b/a.tif'], 'more than one scene is named a'),
        (['a.tif', '--overlap', 5], 'overlap must be 0..4, half of the window, but got 5'),
        (['a.tif', '--overlap', -1], 'overlap must be 0..4'),
        (['a.tif', '--workers', -1], 'workers must be at least 0'),
    ],
)
def test_wrong_arguments_are_reported_before_anything_is_done(home, capsys, arguments, said):
    assert home.run(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith('predict.py: error: ')
    assert said in error
    assert not home.maps.exists()


def test_the_other_way_to_give_the_scenes_of_one_modality(home):
    assert home.run('--s2', home.scene('a.tif'), home.scene('b.tif')) == 0
    assert len(home.files()) == 4


def test_scenes_may_stand_before_the_options_and_among_them(home):
    scenes = [str(home.scene(f'{name}.tif')) for name in 'abc']
    names = [str(home.folder / 'tiny.py'), str(home.folder / 'best.pth')]
    options = ['--workers', '0', '--device', 'cpu']
    argv = [*names, scenes[0], *options, scenes[1], '--out', str(home.maps), scenes[2]]
    assert main(argv) == 0
    assert [name for name in home.files() if name.endswith('tif')] == [
        f'{name}_classes.tif' for name in 'abc'
    ]


@pytest.mark.parametrize(
    'arguments',
    [['--window', '0'], ['--batch-size', '0'], ['--s2-bands', 'B1,,B2'], ['--nodata', 'none']],
)
def test_values_that_cannot_be_read(home, arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        home.run('a.tif', *arguments, window=None)
    assert stopped.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def no_checkpoint(folder):
    (folder / 'best.pth').unlink()


def no_specification(folder):
    content = torch.load(folder / 'best.pth', weights_only=True)
    torch.save({'meta': {}, 'state_dict': content['state_dict']}, folder / 'best.pth')


def no_torch_file(folder):
    (folder / 'best.pth').write_text('hello')


def other_model(folder):
    text = (folder / 'tiny.py').read_text()
    (folder / 'tiny.py').write_text(text.replace("'num_classes': 3", "'num_classes': 5"))


def no_config(folder):
    (folder / 'tiny.py').unlink()


@pytest.mark.parametrize(
    ('spoil', 'said'),
    [
        (no_checkpoint, "best.pth' is not a file"),
        (no_specification, "best.pth: expected an input specification in 'meta'"),
        (no_torch_file, 'best.pth: expected a checkpoint as torch.save writes it'),
        (other_model, 'best.pth does not hold the model of the config'),
        (no_config, "tiny.py' is neither a file"),
    ],
)
def test_configs_and_checkpoints_that_do_not_do(home, capsys, spoil, said):
    spoil(home.folder)
    assert home.run(home.scene('a.tif')) == 2
    error = capsys.readouterr().err
    assert error.startswith('predict.py: error: ')
    assert said in error


def test_overrides_of_the_config(home, capsys):
    override = ['--cfg-options', 'model.decode_head.num_classes=4']
    assert home.run(home.scene('a.tif'), *override) == 2
    assert 'does not hold the model' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('dataset', 'crop'),
    [
        ({'pipeline': [{'type': 'Flip'}, {'type': 'Crop', 'crop_size': (96, 64)}]}, 64),
        ({'dataset': {'dataset': {'pipeline': [{'crop_size': 48}]}}}, 48),
        ({'pipeline': [{'crop_size': [64, 64]}, {'crop_size': 40}]}, 40),
        ({'pipeline': [{'type': 'Flip'}]}, None),
        ({}, None),
    ],
)
def test_the_crop_that_was_trained_on(dataset, crop):
    assert training_crop(Config({'train_dataloader': {'dataset': dataset}})) == crop


def test_configs_without_training_have_no_crop():
    assert training_crop(Config({})) is None
    assert training_crop(Config({'train_dataloader': None})) is None


def test_the_windows_are_the_crop_if_nothing_else_is_said(home):
    import rasterio

    for name, options in {'a': {'window': None}, 'b': {'window': 9}}.items():
        assert home.run(home.scene(f'{name}.tif'), **options) == 0
    tags = []
    for name in 'ab':
        with rasterio.open(home.maps / f'{name}_classes.tif') as file:
            tags.append((file.tags()['window'], file.tags()['overlap']))
    assert tags == [('12', '3'), ('9', '2')]


def test_the_tool_is_this_command(home, capsys):
    path = ROOT / 'tools' / 'predict.py'
    spec = importlib.util.spec_from_file_location('predict_tool', path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    assert tool.main is main
    with pytest.raises(SystemExit) as stopped:
        tool.main(['--help'])
    assert stopped.value.code == 0
    assert '{scene}_classes.tif' in capsys.readouterr().out
    shutil.rmtree(home.folder)


def declare(path, scale, offset):
    with rasterio.open(path, 'r+') as file:
        file.scales, file.offsets = [scale] * file.count, [offset] * file.count
    return path


def test_an_offset_is_subtracted_once_and_only_where_it_is(home, capsys):
    image = reflectance(SHAPE)
    declared = declare(home.scene('a.tif', image + 1000), 1e-4, -0.1)
    assert home.run(declared, '--s2-offset', 1000) == 1
    assert 'a.tif: the file declares an offset' in capsys.readouterr().err
    assert home.run(declared) == 0
    np.testing.assert_array_equal(read_map(home.maps / 'a_classes.tif'), home.expected(image))
    assert home.run(home.scene('b.tif', image // 10), '--s2-offset', 1000) == 1
    assert 'expected values that carry the offset of 1000' in capsys.readouterr().err


def test_an_offset_that_the_name_states_must_be_given(home, capsys):
    image = reflectance(SHAPE)[:10]  # B10 does not tell
    name = 'S2A_MSIL1C_20230101T000000_N0509_R000_T33UUP_20230101T000000.tif'
    scene = home.scene(name, image + 1000, names=S2_BANDS[:10])
    assert home.run(scene) == 1
    assert 'by its metadata or name, the values carry an offset of 1000' in capsys.readouterr().err
    assert home.run(scene, '--s2-offset', 1000) == 0
    found = read_map(home.maps / f'{Path(name).stem}_classes.tif')
    np.testing.assert_array_equal(found, home.expected(image))


@pytest.mark.parametrize(('baseline', 'offset'), [('N0509', 1000), ('N0400', 1000), ('N0301', 0)])
def test_auto_takes_the_offset_from_the_name(home, capsys, baseline, offset):
    image = reflectance(SHAPE)
    name = f'S2A_MSIL1C_20230101T000000_{baseline}_R000_T33UUP_20230101T000000.tif'
    scene = home.scene(name, image + offset)
    assert home.run(scene, '--s2-offset', 'auto') == 0
    found = read_map(home.maps / f'{Path(name).stem}_classes.tif')
    np.testing.assert_array_equal(found, home.expected(image))
    assert home.run(scene, '--s2-offset', offset) == 0
    assert 'already there' in capsys.readouterr().out


def test_auto_applies_a_declared_offset_once(home, capsys):
    image = reflectance(SHAPE)
    declared = declare(home.scene('a.tif', image + 1000), 1e-4, -0.1)
    assert home.run(declared, '--s2-offset', 'auto') == 0
    np.testing.assert_array_equal(read_map(home.maps / 'a_classes.tif'), home.expected(image))
    assert home.run(home.scene('b.tif', image), '--s2-offset', 'auto') == 1
    assert 'b.tif: whether the values carry the offset' in capsys.readouterr().err


def test_further_maps(home):
    image = reflectance(SHAPE)
    scene = home.scene('a.tif', image)
    options = ['--probabilities', '--confidence', '--margin', '--entropy', '--tta']
    assert home.run(scene, *options) == 0
    with rasterio.open(home.maps / 'a_probabilities.tif') as file:
        probabilities = file.read().astype(np.float64)
    ranked = np.sort(probabilities, axis=0)
    expected = {
        'confidence': ranked[-1],
        'margin': ranked[-1] - ranked[-2],
        'entropy': scipy.stats.entropy(probabilities, axis=0, base=len(CLASSES)),
    }
    for kind, values in expected.items():
        found = read_map(home.maps / f'a_{kind}.tif')
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, values, atol=1e-5)
    assert home.run(scene, *options[:-1]) == 1, 'made otherwise'


def test_drafts_of_a_killed_run_are_removed(home):
    scene = home.scene('a.tif')
    home.maps.mkdir()
    drafts = [f'a_{kind}.0123456789ab.part.tif' for kind in ('classes', 'confidence')]
    for name in (*drafts, 'b_classes.0123456789ab.part.tif', 'a_classes.mine.part.tif'):
        (home.maps / name).write_bytes(b'x')
    assert home.run(scene) == 0
    assert home.files() == [
        'a_classes.json', 'a_classes.mine.part.tif', 'a_classes.tif', drafts[1],
        'b_classes.0123456789ab.part.tif',
    ]  # fmt: skip


def test_a_map_without_its_table_is_predicted_again(home, capsys):
    scene = home.scene('a.tif')
    assert home.run(scene) == 0
    (home.maps / 'a_classes.json').unlink()
    assert home.run(scene) == 0
    assert 'already there' not in capsys.readouterr().out
    assert home.files() == ['a_classes.json', 'a_classes.tif']


def test_a_scene_whose_parts_changed_is_another(home, capsys):
    home.scene('a.tif')
    rasterio.shutil.copy(home.folder / 'a.tif', home.folder / 'b.vrt', driver='VRT')
    assert home.run(home.folder / 'b.vrt') == 0
    state = os.stat(home.folder / 'a.tif')
    home.scene('a.tif', reflectance(SHAPE, seed=1))
    os.utime(home.folder / 'a.tif', ns=(state.st_atime_ns, state.st_mtime_ns + 1000))
    assert home.run(home.folder / 'b.vrt') == 1
    assert 'made otherwise (files differs)' in capsys.readouterr().err
