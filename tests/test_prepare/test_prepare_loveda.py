import json

import numpy as np
import pytest
from helpers.aerial_raw_trees import loveda_path, read_png, write_loveda, write_png

from mmss_plugins.prepare.loveda import main, map_labels
from mmss_plugins.store.reader import ReadRequest, StoreReader

NUMBERS = {
    ('Train', 'Urban'): [1366, 9],
    ('Train', 'Rural'): [0, 10],
    ('Val', 'Urban'): [3514],
    ('Val', 'Rural'): [2522],
    ('Test', 'Urban'): [5167],
    ('Test', 'Rural'): [4191],
}


def prepare(root, out, *options):
    return main([str(root), str(out), '--workers', '1', *options])


def summary(out, split):
    return json.loads((out / f'{split}.lmdb.summary.json').read_text())


@pytest.fixture
def tree(tmp_path):
    write_loveda(tmp_path / 'raw', NUMBERS)
    return tmp_path / 'raw'


def truth(mask):
    return np.where(mask == 0, 255, mask.astype(int) - 1)


def test_no_data_is_ignored_and_classes_begin_at_0():
    np.testing.assert_array_equal(
        map_labels(np.arange(8, dtype=np.uint8)), [255, 0, 1, 2, 3, 4, 5, 6]
    )


def test_whole_images_of_both_scenes(tree, tmp_path):
    assert prepare(tree, tmp_path / 'out') == 0
    for split in ('Train', 'Val', 'Test'):
        reader = StoreReader(tmp_path / 'out' / f'{split.lower()}.lmdb')
        places = [(s, n) for s in ('Urban', 'Rural') for n in sorted(NUMBERS[split, s])]
        assert reader.sample_ids == tuple(f'{s.lower()}_{n}' for s, n in places)
        fields = {'image'} if split == 'Test' else {'image', 'label'}
        assert set(reader.meta.fields) == fields
        assert reader.meta.classes == (
            *('background', 'building', 'road', 'water', 'barren', 'forest', 'agriculture'),
        )
        for scene, number in places:
            name = f'{scene.lower()}_{number}'
            (image,) = reader.read(name, [ReadRequest('image')])
            raw = read_png(loveda_path(tree, split, scene, number))
            np.testing.assert_array_equal(image.transpose(1, 2, 0), raw)
            if split != 'Test':
                (label,) = reader.read(name, [ReadRequest('label')])
                mask = read_png(loveda_path(tree, split, scene, number, 'masks'))
                np.testing.assert_array_equal(label, truth(mask))


def test_patches(tree, tmp_path):
    assert prepare(tree, tmp_path / 'out', '--size', '16', '--splits', 'Train') == 0
    reader = StoreReader(tmp_path / 'out' / 'train.lmdb')
    assert len(reader) == 4 * 9
    assert reader.sample_ids[-1] == 'rural_10-0024-0024'
    image, label = reader.read('urban_9-0016-0024', [ReadRequest('image'), ReadRequest('label')])
    raw = read_png(loveda_path(tree, 'Train', 'Urban', 9))[16:32, 24:40]
    np.testing.assert_array_equal(image.transpose(1, 2, 0), raw)
    mask = read_png(loveda_path(tree, 'Train', 'Urban', 9, 'masks'))[16:32, 24:40]
    np.testing.assert_array_equal(label, truth(mask))


def test_masks_of_test_are_used_where_there_are_some(tree, tmp_path):
    for scene, number in (('Urban', 5167), ('Rural', 4191)):
        mask = np.full((40, 40), 3, np.uint8)
        write_png(loveda_path(tree, 'Test', scene, number, 'masks'), mask)
    assert prepare(tree, tmp_path / 'out', '--splits', 'Test') == 0
    reader = StoreReader(tmp_path / 'out' / 'test.lmdb')
    (label,) = reader.read('rural_4191', [ReadRequest('label')])
    assert (label == 2).all()


def test_without_labels(tmp_path, capsys):
    write_loveda(tmp_path / 'raw', NUMBERS, masks=False)
    assert prepare(tmp_path / 'raw', tmp_path / 'out', '--splits', 'Train') == 2
    assert 'masks_png' in capsys.readouterr().err
    assert prepare(tmp_path / 'raw', tmp_path / 'out', '--no-labels') == 0
    assert set(StoreReader(tmp_path / 'out' / 'train.lmdb').meta.fields) == {'image'}


def missing_mask(tree):
    path = loveda_path(tree, 'Train', 'Rural', 0, 'masks')
    path.unlink()
    return path, 'missing file'


def missing_image(tree):
    path = loveda_path(tree, 'Train', 'Rural', 0)
    path.unlink()
    return path, 'missing file'


def truncated_image(tree):
    path = loveda_path(tree, 'Train', 'Rural', 0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    return path, 'unreadable image'


def other_size(tree):
    path = loveda_path(tree, 'Train', 'Rural', 0, 'masks')
    write_png(path, np.ones((40, 41), np.uint8))
    return path, 'expected height x width (40, 40), but found (40, 41)'


def out_of_range(tree):
    path = loveda_path(tree, 'Train', 'Rural', 0, 'masks')
    write_png(path, np.full((40, 40), 8, np.uint8))
    return path, 'label values out of range: expected some of 0..7, but found [8]'


def colours_for_a_mask(tree):
    path = loveda_path(tree, 'Train', 'Rural', 0, 'masks')
    write_png(path, np.zeros((40, 40, 3), np.uint8))
    return path, 'expected bands 1, but found 3'


@pytest.mark.parametrize('size', [None, '40'])
@pytest.mark.parametrize(
    'spoil',
    [
        missing_mask,
        missing_image,
        truncated_image,
        other_size,
        out_of_range,
        colours_for_a_mask,
    ],
)
def test_a_bad_image_is_reported_by_path_and_left_out(tree, tmp_path, spoil, size):
    path, reason = spoil(tree)
    options = ['--splits', 'Train', *(['--size', size] if size else [])]
    assert prepare(tree, tmp_path / 'out', *options) == 1
    names = {name.split('-')[0] for name in StoreReader(tmp_path / 'out' / 'train.lmdb').sample_ids}
    assert names == {'urban_9', 'urban_1366', 'rural_10'}
    (entry,) = summary(tmp_path / 'out', 'train')['skipped']
    assert entry['sample'].startswith('rural_0')
    assert entry['reason'].startswith(f'{path}: ')
    assert reason in entry['reason']


def test_a_misnamed_file_is_reported(tree, tmp_path):
    write_png(loveda_path(tree, 'Val', 'Urban', 'copy'), np.zeros((4, 4, 3), np.uint8))
    assert prepare(tree, tmp_path / 'out') == 1
    (entry,) = summary(tmp_path / 'out', 'val')['skipped']
    assert 'expected a number as name' in entry['reason']


def test_running_again_and_with_other_images(tree, tmp_path, capsys):
    assert prepare(tree, tmp_path / 'out') == 0
    assert prepare(tree, tmp_path / 'out') == 0
    assert 'already complete with 4 samples' in capsys.readouterr().out
    write_loveda(tree, {('Val', 'Rural'): [2523]})
    assert prepare(tree, tmp_path / 'out') == 2
    assert 'source.options.images: ' in capsys.readouterr().err


def test_wrong_use(tree, tmp_path, capsys):
    assert prepare(tree, tmp_path / 'out', '--stride', '8') == 2
    assert '--stride 8 needs a --size of at least as much, but it is None' in (
        capsys.readouterr().err
    )
    assert prepare(tree / 'nowhere', tmp_path / 'out') == 2
    assert 'expected LoveDA, in folders or ZIP archives' in capsys.readouterr().err
