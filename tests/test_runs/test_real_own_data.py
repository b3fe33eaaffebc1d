"""Real images as a user's own: by commands alone from files to predicted maps.

The samples are not part of the project. MMSS_REAL_DATA names their folder; by default it is looked
for in ``shared/data/real`` beside the checkout.
"""

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
import rasterio
from helpers.paths import ROOT
from PIL import Image

from mmss_plugins.store.reader import ReadRequest, StoreReader

REAL = Path(os.environ.get('MMSS_REAL_DATA', ROOT.parent / 'shared' / 'data' / 'real'))
INDIA, SENTINEL = REAL / 'india_s2', REAL / 'sentinel'
DUBAI = REAL / 'dubai72' / 'Semantic segmentation dataset'
COLOURS = {
    'building': (60, 16, 152), 'land': (132, 41, 246), 'road': (110, 193, 228),
    'vegetation': (254, 221, 58), 'water': (226, 169, 41), 'unlabelled': (155, 155, 155),
}  # fmt: skip
LULC = {1: 'water', 2: 'trees', 4: 'crops', 5: 'built', 6: 'bare', 9: 'rangeland', 0: 'ignore'}
PREDICTED = ('--out', 'predicted', '--workers', 0)
NARROW = ('model.backbone.base_channels=8', 'model.backbone.stem_channels=8')

needs_india = pytest.mark.skipif(not INDIA.is_dir(), reason=f'no real samples: {INDIA}')
needs_dubai = pytest.mark.skipif(not DUBAI.is_dir(), reason=f'no real samples: {DUBAI}')
needs_sentinel = pytest.mark.skipif(not SENTINEL.is_dir(), reason=f'no real samples: {SENTINEL}')
pytestmark = pytest.mark.usefixtures('quick_epochs')


def command(tool, *arguments):
    """Run a tool's command line in this process; returns its exit status."""
    path = ROOT / 'tools' / f'{tool}.py'
    spec = importlib.util.spec_from_file_location(f'mmss_tool_{path.stem}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main([str(argument) for argument in arguments]) or 0


def train(config, work_dir, *options):
    command('train', config, '--work-dir', work_dir, '--cfg-options', *options)
    return Path(work_dir) / 'epoch_1.pth'


def loaders(out, *names, samples=4, batch=2):
    options = ['train_cfg.max_epochs=1', 'default_hooks.checkpoint.interval=1']
    for name in names:
        store = out / ('train.lmdb' if name == 'train' else f'{name}.lmdb')
        options += [
            f'{name}_dataloader.{text}'
            for text in (f'dataset.data_root={store}', f'dataset.indices={samples}',
                         f'batch_size={batch}', 'num_workers=0')
        ]  # fmt: skip
    return options


def pretrain_grass(store_folder, bands, work_dir):
    hook = 'custom_hooks.5.begin=0'  # guided from the first iteration
    scale = 'train_dataloader.dataset.pipeline.0.transforms.0.0.scale=32'
    return train(
        'grass_r18_35e_folder', work_dir, *loaders(store_folder, 'train', samples=8, batch=4),
        f'model.backbone.in_channels={bands}', *NARROW, 'model.neck.in_channels=64', scale, hook,
    )  # fmt: skip


def fine_tune_and_test(config, stores, encoder, work_dir, *options):
    """Fine-tune from an encoder and test; returns the config that the run wrote down."""
    options = (*options, *NARROW, 'model.decode_head.in_channels=64', 'train_cfg.val_interval=1')
    checkpoint = train(
        config, work_dir, *loaders(stores, 'train', 'val', 'test'), *options,
        f'model.backbone.init_cfg.checkpoint={encoder}',
    )  # fmt: skip
    dumped = Path(work_dir) / f'{config}.py'
    command('test', dumped, checkpoint, '--work-dir', f'{work_dir}_test', '--out', 'maps')
    maps = sorted(Path('maps').glob('*.png'))
    assert len(maps) == 4
    return dumped, checkpoint


def predicted(name, classes):
    with rasterio.open(Path('predicted') / f'{name}_classes.tif') as file:
        found = file.read(1)
        assert found.max() < classes
        return found, file.transform


@needs_india
def test_four_bands_in_png(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    chips = INDIA / 'image' / '1?_*.png'
    names = '--band-names', 'R,G,B,NIR'
    assert command('prepare/folder', chips, 'patches', '--size', 64, *names, '--workers', 1) == 0
    Path('classes.yml').write_text('{0: ignore, 1: built-up, 2: vegetation, 3: water}')
    masks = INDIA / 'label' / '1?_*.png'
    splits = ('--group', r'^(\d+)', '--val', '0.2', '--test', '0.2')
    assert command(
        'prepare/scenes', 'scenes', '--image', chips, '--labels', masks, *names,
        '--classes', 'classes.yml', '--size', 128, *splits, '--workers', 1,
    ) == 0  # fmt: skip
    seen = {}
    for split in ('train', 'val', 'test'):
        with StoreReader(f'scenes/{split}.lmdb') as store:
            for sample_id in store.sample_ids:
                assert seen.setdefault(sample_id.split('__')[0], split) == split
                name, row, col = sample_id.rsplit('-', 2)
                digit, rest = name.split('__', 1)
                part = np.s_[int(row) : int(row) + 128, int(col) : int(col) + 128]
                path = INDIA / 'image' / f'1{digit}_{rest}.png'
                image, label = store.read(sample_id, [ReadRequest('image'), ReadRequest('label')])
                expected = np.asarray(Image.open(path))[part].transpose(2, 0, 1)
                np.testing.assert_array_equal(image, expected)
                mask = np.asarray(Image.open(INDIA / 'label' / path.name))[part].astype(int)
                np.testing.assert_array_equal(label, np.where(mask == 0, 255, mask - 1))
    encoder = pretrain_grass(Path('patches'), 4, 'grass')
    options = ('model.backbone.in_channels=4', 'model.decode_head.num_classes=3')
    config, checkpoint = fine_tune_and_test(
        'pspnet_r18_30e_scenes_grass', Path('scenes'), encoder, 'fine', *options
    )
    chip = sorted(INDIA.glob('image/*.png'))[0]
    assert command('predict', config, checkpoint, chip, *PREDICTED) == 0
    assert predicted(chip.stem, 3)[0].shape == (256, 256)


@needs_dubai
def test_pictures_with_colour_masks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictures = [DUBAI / f'Tile {i}' / 'images' / '*_00[12].jpg' for i in (1, 3)]
    assert command('prepare/folder', *pictures, 'patches', '--size', 64, '--workers', 1) == 2
    pictures = DUBAI / 'Tile [13]' / 'images' / '*_00[12].jpg'
    assert command('prepare/folder', pictures, 'patches', '--size', 128, '--workers', 1) == 0
    lines = [f'"{",".join(map(str, rgb))}": {name}' for name, rgb in COLOURS.items()]
    Path('classes.yml').write_text('\n'.join(lines))
    assert command(
        'prepare/scenes', 'scenes', '--image', pictures, '--classes', 'classes.yml',
        '--labels', DUBAI / 'Tile [13]' / 'masks' / '*_00[12].png', '--size', 128, '--workers', 1,
        '--split-by', 'block', '--block-size', '256px', '--val', '0.2', '--test', '0.2',
    ) == 0  # fmt: skip
    with StoreReader('scenes/train.lmdb') as store:
        assert store.meta.palette == tuple(list(COLOURS.values())[:5])
        sample_id = store.sample_ids[-1]
        label = store.read(sample_id, [ReadRequest('label')])[0]
    name, row, col = sample_id.rsplit('-', 2)
    tile, number, part = name.split('__')
    mask = Image.open(DUBAI / f'Tile {tile}' / 'masks' / f'{number}_00{part}.png').convert('RGB')
    mask = np.asarray(mask)[int(row) : int(row) + 128, int(col) : int(col) + 128]
    for r, c in np.ndindex(mask.shape[:2]):
        expected = list(COLOURS.values()).index(tuple(map(int, mask[r, c])))
        assert label[r, c] == (255 if expected == 5 else expected)
    encoder = pretrain_grass(Path('patches'), 3, 'grass')
    config, checkpoint = fine_tune_and_test(
        'pspnet_r18_30e_scenes_grass', Path('scenes'), encoder, 'fine',
        'model.decode_head.num_classes=5',
    )  # fmt: skip
    picture = DUBAI / 'Tile 1' / 'images' / 'image_part_009.jpg'
    assert (
        command('predict', config, checkpoint, picture, '--out', 'predicted', '--workers', 0) == 0
    )
    with Image.open(picture) as image:
        assert predicted('image_part_009', 5)[0].shape == image.size[::-1]


@needs_sentinel
def test_both_sensors_with_noisy_labels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ['s1,s2,label,s2_offset,split']
    for path, split in zip(
        sorted(SENTINEL.glob('S2L1C/*.tif')), ('train', 'val', 'test'), strict=True
    ):
        files = [SENTINEL / kind / path.name for kind in ('S1RTC', 'S2L1C', 'LULC')]
        offset = 1000 if path.stem.startswith('282D') else 0
        rows.append(','.join(map(str, [*files, offset, split])))
    Path('list.csv').write_text('\n'.join(rows))
    Path('all.csv').write_text('\n'.join(row.rsplit(',', 1)[0] for row in rows))
    Path('classes.yml').write_text('\n'.join(f'{k}: {v}' for k, v in LULC.items()))
    classes = '--classes', 'classes.yml', '--size', 112, '--workers', 1
    assert command('prepare/scenes', 'pretraining', '--list', 'all.csv', '--seasons', *classes) == 0
    assert command('prepare/scenes', 'scenes', '--list', 'list.csv', *classes) == 0
    with StoreReader('scenes/train.lmdb') as store:  # the scene with the offset
        s2, label = store.read('282D_485L_3_3-0112-0000', [ReadRequest('s2'), ReadRequest('label')])
    with rasterio.open(SENTINEL / 'S2L1C/282D_485L_3_3.tif') as file:
        np.testing.assert_array_equal(s2, np.maximum(file.read() - 1000, 0)[:, 112:, :112])
    with rasterio.open(SENTINEL / 'LULC/282D_485L_3_3.tif') as file:
        values = {list(LULC).index(value): value for value in LULC}
        found = np.vectorize(lambda index: values.get(index, 0))(label)
        np.testing.assert_array_equal(found, file.read(1)[112:, :112])
    encoder = train(
        'cromss_mid_r18_13b_40e_scenes', 'cromss', *loaders(Path('pretraining'), 'train'),
        'val_dataloader.dataset.data_root=pretraining/train.lmdb', 'val_dataloader.num_workers=0',
        'val_dataloader.dataset.indices=2', 'train_cfg.val_interval=1', 'custom_hooks.5.length=1',
        'train_dataloader.dataset.holdout.fraction=0.3',
        'val_dataloader.dataset.holdout.fraction=0.3',
        *(f'model.backbones.{m}.base_channels=8' for m in ('s1', 's2')),
        *(f'model.backbones.{m}.stem_channels=8' for m in ('s1', 's2')),
        'model.decode_head.in_channels=[8,8,16,32,64]', 'model.decode_head.num_classes=6',
    )  # fmt: skip
    config, checkpoint = fine_tune_and_test(
        'pspnet_r18_30e_scenes-s2_cromss', Path('scenes'), encoder, 'fine',
        'model.decode_head.num_classes=6',
    )  # fmt: skip
    scene = SENTINEL / 'S2L1C/38D_378R_2_3.tif'
    assert command('predict', config, checkpoint, scene, *PREDICTED) == 0
    found, transform = predicted(scene.stem, 6)
    with rasterio.open(scene) as file:
        assert (found.shape, transform) == (file.shape, file.transform)
