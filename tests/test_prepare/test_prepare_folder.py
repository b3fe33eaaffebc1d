"""Folders of images to stores: every pixel, and what is skipped."""

import json

import numpy as np
import pytest
from PIL import Image
from test_image_files import write

from mmss_plugins.prepare import folder, folder_plans
from mmss_plugins.store.reader import ReadRequest, StoreReader

RNG = np.random.default_rng(0)
SHAPES = {'a/1': (20, 24), 'b/1': (16, 16), 'b/2': (30, 17)}


def random_image(shape, channels=3):
    return RNG.integers(1, 256, (*shape, channels)).astype(np.uint8)


@pytest.fixture
def images(tmp_path):
    found = {}
    for name, shape in SHAPES.items():
        path = tmp_path / 'images' / f'{name}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        found[name] = random_image(shape)
        Image.fromarray(found[name]).save(path)
    return found


def run(tmp_path, *options, images='images', out='out'):
    return folder.main(
        [str(tmp_path / images), str(tmp_path / out), '--size', '16', '--workers', '1', *options]
    )


def read(path):
    with StoreReader(path) as store:
        arrays = {i: store.read(i, [ReadRequest('image')])[0] for i in store.sample_ids}
        return store.meta, arrays


def test_every_pixel_is_in_a_patch_under_the_path_of_its_image(tmp_path, images):
    assert run(tmp_path) == 0
    meta, arrays = read(tmp_path / 'out/train.lmdb')
    seen = {name: np.zeros(shape, bool) for name, shape in SHAPES.items()}
    for sample_id, array in arrays.items():
        name, row, col = sample_id.rsplit('-', 2)
        name, part = name.replace('__', '/'), np.s_[int(row) :, int(col) :]
        np.testing.assert_array_equal(
            array, images[name][part][:16, :16].transpose(2, 0, 1), sample_id
        )
        seen[name][part][:16, :16] = True
    assert all(pixels.all() for pixels in seen.values())
    spec = meta.fields['image']
    assert (spec['bands'], spec['scale'], spec['unit']) == (['R', 'G', 'B'], 'raw', '8-bit value')
    statistics = meta.info['statistics']['image']
    every = np.concatenate([array.reshape(3, -1) for array in arrays.values()], axis=1)
    np.testing.assert_allclose(statistics['mean'], every.mean(axis=1), rtol=1e-5)


def test_what_cannot_be_used_is_reported_and_the_rest_is_kept(tmp_path, images, capsys):
    Image.fromarray(random_image((9, 40))).save(tmp_path / 'images/small.png')
    Image.fromarray(random_image((16, 16))[..., 0]).save(tmp_path / 'images/grey.png')
    Image.fromarray(random_image((16, 16))).convert('CMYK').save(tmp_path / 'images/print.jpg')
    content = (tmp_path / 'images/b/1.png').read_bytes()
    (tmp_path / 'images/b/1.png').write_bytes(content[:300])
    assert run(tmp_path) == 1
    printed = capsys.readouterr().out
    for text in ('small: ', 'grey: ', 'print: ', 'b__1-0000-0000: '):
        assert f'skipped {text}' in printed
    with StoreReader(tmp_path / 'out/train.lmdb') as store:
        assert {i.split('-')[0] for i in store.sample_ids} == {'a__1', 'b__2'}


def test_patches_without_data_are_skipped_as_asked_for(tmp_path, images, capsys):
    image = random_image((32, 48), 4)
    image[:, :20, 3] = 0  # transparent
    Image.fromarray(image).save(tmp_path / 'images/clear.png')
    options = ('--bands', 'R,G,B', '--max-nodata', '0.3')
    assert run(tmp_path, *options) == 0
    assert '2 (more than 30 % of the pixels hold no data)' in capsys.readouterr().out
    _, arrays = read(tmp_path / 'out/train.lmdb')
    clear = {i: a for i, a in arrays.items() if i.startswith('clear')}
    assert [i[-4:] for i in clear] == ['0016', '0032'] * 2
    assert not clear['clear-0000-0016'][:, :, :4].any()
    assert clear['clear-0000-0016'][:, :, 4:].all()
    assert run(tmp_path, *options) == 0  # complete, and nothing is missing
    assert 'already complete' in capsys.readouterr().out


def test_a_folder_goes_to_one_split_and_a_list_says_which(tmp_path, images):
    assert run(tmp_path, '--val', '0.5', '--split-by', 'folder') == 0
    found = {
        split: {i.split('__')[0] for i in read(tmp_path / f'out/{split}.lmdb')[1]}
        for split in ('train', 'val')
    }
    assert sorted(map(len, found.values())) == [1, 1]
    assert found['train'] != found['val']
    rows = ['image,split', 'images/a/1.png,test', 'images/b/1.png,', 'images/b/2.png,val']
    (tmp_path / 'list.csv').write_text('\n'.join(rows))
    assert run(tmp_path, images='list.csv', out='listed') == 0
    for split, name in (('test', 'a__1'), ('train', 'b__1'), ('val', 'b__2')):
        ids = read(tmp_path / f'listed/{split}.lmdb')[1]
        assert {i.split('-')[0] for i in ids} == {name}


def test_deep_images_are_scaled_alike_in_all_splits(tmp_path):
    (tmp_path / 'images').mkdir()
    arrays = RNG.integers(100, 4000, (4, 2, 16, 16)).astype(np.uint16)
    for number, array in enumerate(arrays):
        write(tmp_path / f'images/{number}.tif', array)
    assert run(tmp_path, '--band-names', 'B8,B4', '--val', '0.25', '--bands', 'B4,B8') == 0
    metas = [read(tmp_path / f'out/{split}.lmdb')[0] for split in ('train', 'val')]
    spec = metas[0].fields['image']
    assert (spec['bands'], spec['dtype'], spec['scale']) == (['B4', 'B8'], 'uint8', 'linear')
    assert spec == metas[1].fields['image']
    meta, stored = read(tmp_path / 'out/val.lmdb')
    ((sample_id, array),) = stored.items()
    raw = arrays[int(sample_id.split('-')[0])][::-1]
    low, gain = (np.array(spec[key])[:, None, None] for key in ('offset', 'gain'))
    expected = (np.clip(raw, low, low + 255 * gain) - low) / gain
    assert np.abs(array - expected).max() <= 1
    assert 'percentiles 1 and 99' in meta.info['statistics']['image']['scaling']
    assert run(tmp_path, '--scale', 'keep', out='kept') == 0
    _, kept = read(tmp_path / 'kept/train.lmdb')
    np.testing.assert_array_equal(kept['2-0000-0000'], arrays[2])


def test_an_interrupted_run_is_continued(tmp_path, images, monkeypatch):
    load, calls = folder_plans.load_patch, []

    def interrupted(*args, **kwargs):
        calls.append(args)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return load(*args, **kwargs)

    monkeypatch.setattr(folder_plans, 'load_patch', interrupted)
    assert run(tmp_path, '--commit-every', '2') == 130
    monkeypatch.undo()
    assert run(tmp_path) == 0
    _, expected = read(tmp_path / 'out/train.lmdb')
    assert run(tmp_path, out='whole') == 0
    _, found = read(tmp_path / 'whole/train.lmdb')
    assert list(found) == list(expected)
    summary = json.loads((tmp_path / 'out/train.lmdb.summary.json').read_text())
    assert summary['samples'] == len(found)


def test_wrong_arguments(tmp_path, images, capsys):
    for options, message in (
        (('--bands', 'NIR'), 'band NIR is not among'),
        (('--stride', '40'), '--stride 40 needs a --size'),
        (('--val', '1'), 'cannot be divided'),
        (('--group', 'x(.)'), 'does not match the name'),
    ):
        assert run(tmp_path, *options) == 2
        assert message in capsys.readouterr().err
