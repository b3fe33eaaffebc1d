import json

import cv2
import numpy as np
import pytest
from helpers.aerial_raw_trees import (
    potsdam_label,
    potsdam_path,
    read_png,
    write_loveda,
    write_potsdam,
)
from helpers.small_raw_trees import read_raw
from mmseg.datasets import LoveDADataset

from mmss_plugins.prepare import loveda, potsdam

NAMES = ['2_10', '2_11']


def prepare(root, out, *options):
    arguments = ['--size', '16', '--workers', '1', '--splits', 'train', '--format', 'files']
    return potsdam.main([str(root), str(out), *arguments, *options])


def stamps(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.fixture
def tree(tmp_path):
    write_potsdam(tmp_path / 'raw', NAMES)
    return tmp_path / 'raw'


@pytest.mark.parametrize('workers', ['1', '2'])
def test_files_are_those_of_an_independent_reading(tree, tmp_path, workers, capsys):
    out = tmp_path / 'out'
    assert prepare(tree, out, '--workers', workers) == 0
    assert len(list((out / 'img_dir/train').iterdir())) == 2 * 12
    assert len(list((out / 'ann_dir/train').iterdir())) == 2 * 12
    image = read_png(out / 'img_dir/train/2_11-0024-0034.png')
    raw = read_raw(potsdam_path(tree, 'RGB', '2_11'))[:, 24:40, 34:50]
    np.testing.assert_array_equal(image, raw.transpose(1, 2, 0))
    label = cv2.imread(str(out / 'ann_dir/train/2_10-0000-0000.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(label, potsdam_label(tree, '2_10')[:16, :16])
    summary = json.loads((out / 'train.summary.json').read_text())
    assert summary['samples'] == 24
    assert 'tile 2_10: 1 label pixels of no known colour are ignored' in summary['warnings']
    assert 'train: 24 samples, 0 skipped' in capsys.readouterr().out


def test_four_bands_and_heights_are_tiff(tmp_path):
    write_potsdam(tmp_path / 'raw', NAMES, kinds=('RGBIR', 'DSM'))
    out = tmp_path / 'out'
    assert prepare(tmp_path / 'raw', out, '--bands', 'RGBIR', '--dsm', '--no-labels') == 0
    for folder, kind in (('img_dir', 'RGBIR'), ('dsm_dir', 'DSM')):
        raw = read_raw(potsdam_path(tmp_path / 'raw', kind, '2_11'))[:, 16:32, :16]
        found = read_raw(out / folder / 'train/2_11-0016-0000.tif')
        assert found.dtype == raw.dtype
        np.testing.assert_array_equal(found, raw)
    assert not (out / 'ann_dir').exists()


def test_an_interrupted_run_is_continued(tree, tmp_path, monkeypatch, capsys):
    out, whole, written = tmp_path / 'out', tmp_path / 'whole', []
    assert prepare(tree, whole) == 0
    from mmss_plugins.prepare import patch_files

    write = patch_files.write_file

    def interrupted(path, content):
        if len(written) == 9:  # the image of the fifth patch
            raise KeyboardInterrupt
        written.append(path)
        write(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(patch_files, 'write_file', interrupted)
        assert prepare(tree, out) == 130
    before = stamps(out / 'img_dir/train')
    assert len(before) == 4
    capsys.readouterr()
    assert prepare(tree, out) == 0
    assert 'continuing after 4 of 24 samples' in capsys.readouterr().out
    assert stamps(out / 'img_dir/train').items() >= before.items(), 'not written again'
    for path in whole.rglob('*'):
        if path.is_file():
            assert (out / path.relative_to(whole)).read_bytes() == path.read_bytes()
    assert len(list(out.rglob('*'))) == len(list(whole.rglob('*')))


def test_files_of_other_options_are_not_mixed_in(tree, tmp_path, capsys):
    assert prepare(tree, tmp_path / 'out') == 0
    assert prepare(tree, tmp_path / 'out', '--stride', '8') == 2
    assert 'source.options.stride: 16 here, 8 there' in capsys.readouterr().err
    assert prepare(tree, tmp_path / 'out', '--stride', '8', '--overwrite') == 0
    folder = tmp_path / 'out/img_dir/train'
    assert len(list(folder.iterdir())) == 2 * 4 * 6
    assert prepare(tree, tmp_path / 'out', '--overwrite') == 0
    assert len(list(folder.iterdir())) == 24, 'none of the other patches is left'


def test_a_bad_tile_is_skipped(tree, tmp_path):
    path = potsdam_path(tree, 'label', '2_10')
    path.write_bytes(path.read_bytes()[:3000])
    assert prepare(tree, tmp_path / 'out') == 1
    summary = json.loads((tmp_path / 'out/train.summary.json').read_text())
    assert len(summary['skipped']) + summary['samples'] == 24
    assert all(entry['reason'].startswith(f'{path}: ') for entry in summary['skipped'])
    names = {path.name for path in (tmp_path / 'out/img_dir/train').iterdir()}
    assert len(names) == summary['samples']
    assert names == {path.name for path in (tmp_path / 'out/ann_dir/train').iterdir()}


def everything(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob('*')) if p.is_file()}


def foreign_description(out):
    (out / 'img_dir' / 'train').mkdir(parents=True)
    (out / 'img_dir' / 'train' / 'holiday.png').write_bytes(b'mine')
    path = out / 'train.json'
    path.write_text('{"epochs": 3}')
    return path


def foreign_summary(out):
    out.mkdir()
    path = out / 'train.summary.json'
    path.write_text('{}')
    return path


def foreign_list(out):
    out.mkdir()
    path = out / 'train.files.json'
    path.write_text('{"files": ["img_dir/train/a.png"]}')
    return path


def list_that_leads_elsewhere(out):
    other = out / 'mine.png'
    out.mkdir()
    other.write_bytes(b'mine')
    path = out / 'train.files.json'
    names = ['img_dir/train/../../mine.png']
    path.write_text(json.dumps({'mark': 'image files of mmss_plugins', 'files': names}))
    return path


def foreign_image(out, name='holiday.png'):
    path = out / 'ann_dir' / 'train' / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b'mine')
    return path


def image_of_the_same_name(out):
    return foreign_image(out, '2_10-0000-0000.png')


@pytest.mark.parametrize(
    'leave',
    [
        foreign_description,
        foreign_summary,
        foreign_list,
        list_that_leads_elsewhere,
        foreign_image,
        image_of_the_same_name,
    ],
)
@pytest.mark.parametrize('options', [(), ('--overwrite',)])
def test_what_is_not_ours_is_never_touched(tree, tmp_path, capsys, leave, options):
    out = tmp_path / 'out'
    path = leave(out)
    before = everything(out)
    assert prepare(tree, out, *options) == 2
    assert str(path) in capsys.readouterr().err
    assert everything(out) == before


def test_a_foreign_file_among_ours_stops_overwriting(tree, tmp_path, capsys):
    out = tmp_path / 'out'
    assert prepare(tree, out) == 0
    path = foreign_image(out)
    before = everything(out)
    assert prepare(tree, out, '--overwrite') == 2
    assert f'{path}: not written by this tool' in capsys.readouterr().err
    assert everything(out) == before
    path.unlink()
    (out / 'img_dir' / 'val').mkdir()
    (out / 'img_dir' / 'val' / 'other.png').write_bytes(b'of another split')
    (out / 'img_dir' / 'train' / f'2_10-0000-0000.png.{"0" * 32}.part').touch()
    assert prepare(tree, out, '--overwrite') == 0
    assert (out / 'img_dir' / 'val' / 'other.png').exists()
    assert not list(out.rglob('*.part')), 'what a killed run has left'


def test_a_disk_that_keeps_half_leaves_nothing_broken(tree, tmp_path, monkeypatch, capsys):
    from pathlib import Path

    out, write = tmp_path / 'out', Path.write_bytes

    def half(path, content):
        kept = content if 'img_dir' not in str(path) else content[: len(content) // 2]
        return write(path, kept)

    with monkeypatch.context() as patch:
        patch.setattr(Path, 'write_bytes', half)
        assert prepare(tree, out) == 2
    assert 'read back other bytes than were written' in capsys.readouterr().err
    assert not list(out.rglob('*.part'))
    assert not list((out / 'img_dir' / 'train').iterdir())
    assert prepare(tree, out) == 0
    assert len(list((out / 'img_dir' / 'train').iterdir())) == 24


def test_shards_share_one_list(tree, tmp_path):
    out, whole = tmp_path / 'out', tmp_path / 'whole'
    assert prepare(tree, whole) == 0
    for shard in ('2/2', '1/2'):
        assert prepare(tree, out, '--shard', shard) == 0
    images = everything(out / 'img_dir')
    assert {p.relative_to(out): v for p, v in images.items()} == {
        p.relative_to(whole): v for p, v in everything(whole / 'img_dir').items()
    }
    listed = [(f / 'train.files.json').read_bytes() for f in (out, whole)]
    assert listed[0] == listed[1]


def test_mmsegmentation_reads_them(tmp_path):
    write_loveda(tmp_path / 'raw', {('Train', 'Urban'): [1], ('Train', 'Rural'): [2]})
    arguments = [str(tmp_path / 'raw'), str(tmp_path / 'out'), '--workers', '1']
    assert loveda.main([*arguments, '--splits', 'Train', '--format', 'files']) == 0
    data = LoveDADataset(
        data_root=str(tmp_path / 'out'),
        data_prefix={'img_path': 'img_dir/train', 'seg_map_path': 'ann_dir/train'},
        reduce_zero_label=False,
        pipeline=[{'type': 'LoadImageFromFile'}, {'type': 'mmseg.LoadAnnotations'}],
    )
    samples = {sample['img_path'].rsplit('/', 1)[1]: sample for sample in data}
    assert set(samples) == {'urban_1.png', 'rural_2.png'}
    mask = read_png(tmp_path / 'raw/Train/Rural/masks_png/2.png').astype(int)
    np.testing.assert_array_equal(
        samples['rural_2.png']['gt_seg_map'], np.where(mask == 0, 255, mask - 1)
    )
