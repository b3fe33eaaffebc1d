import hashlib
import json
import runpy
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from matplotlib.image import imread

import mmss_plugins
from projects.synthetic.data_set import FORMER_MARKER, MARKER, make_data_set
from projects.synthetic.materials import PALETTE
from projects.synthetic.plan import SyntheticOptions, data_set_files
from projects.synthetic.preview import draw_preview

LABELS = 'noldo/ssl4eo_s12_nol'
SMALL = SyntheticOptions(seed=1, locations=2, size=24, dfc_train=1, dfc_test=1)
TOOL = Path(mmss_plugins.__file__).parents[1] / 'projects/synthetic/__main__.py'


def digests(root):
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob('*')
        if path.is_file()
    }


def test_files_do_not_depend_on_the_number_of_workers(tmp_path):
    make_data_set(tmp_path / 'one', SMALL, workers=1)
    make_data_set(tmp_path / 'three', SMALL, workers=3)
    one = digests(tmp_path / 'one')
    assert one == digests(tmp_path / 'three')
    assert set(one) == {str(path) for path in data_set_files(SMALL)} | {MARKER}


def test_another_seed_is_another_world_and_more_places_are_not(tmp_path):
    make_data_set(tmp_path / 'a', SMALL, workers=1)
    make_data_set(tmp_path / 'b', replace(SMALL, seed=2), workers=1)
    make_data_set(tmp_path / 'c', replace(SMALL, locations=3), workers=1)
    a, b, c = (digests(tmp_path / name) for name in 'abc')
    patch = 'dfc2020/ROIs0000_test/s2_0/ROIs0000_test_s2_0_p0.tif'
    assert a[patch] != b[patch]
    kept = set(a) - {MARKER, f'{LABELS}/dw_complete_ids.csv'}
    assert {name: a[name] for name in kept} == {name: c[name] for name in kept}


def test_streams_show_different_places(data_set):
    root = data_set[0] / 'dfc2020'
    labels = [
        rasterio.open(root / f'{folder}/ROIs0000_{split}_dfc_0_p0.tif').read(1)
        for split, folder in (
            ('validation', 'ROIs0000_validation/dfc_validation'),
            ('test', 'ROIs0000_test/dfc_0'),
        )
    ]
    assert (labels[0] != labels[1]).any()


def test_summary_counts_what_was_written(data_set, synthetic_options, scene_folders):
    root, summary = data_set
    confusion = np.zeros((9, 9), int)
    for folders in scene_folders:
        true, noisy = (
            rasterio.open(folders[kind] / 'label.tif').read(1) for kind in ('clean', 'noisy')
        )
        np.add.at(confusion, (true, noisy), 1)
    np.testing.assert_array_equal(summary.confusion, confusion)
    rate = 1 - np.trace(confusion) / confusion.sum()
    assert summary.noise_rate == pytest.approx(rate)
    assert 0.1 < summary.noise_rate < 0.4
    assert confusion.sum() == 4 * (8 * 60 * 60 + 2 * 59 * 60)
    assert summary.dfc_pixels.sum() == 7 * 48 * 48
    record = json.loads((root / MARKER).read_text())
    assert record['complete'] is True
    assert record['noise_rate'] == pytest.approx(rate)
    assert SyntheticOptions.from_dict(record['options']) == synthetic_options
    assert any(f'{100 * summary.noise_rate:.1f} %' in line for line in summary.lines())


def test_somebody_elses_folder_is_refused_and_never_emptied(tmp_path):
    thesis = tmp_path / 'thesis.txt'
    thesis.write_text('years of work')
    with pytest.raises(FileExistsError, match=r'not empty.*--overwrite'):
        make_data_set(tmp_path, SMALL, workers=1)
    assert [path.name for path in tmp_path.iterdir()] == ['thesis.txt']
    make_data_set(tmp_path, SMALL, workers=1, overwrite=True)
    make_data_set(tmp_path, replace(SMALL, seed=9), workers=1, overwrite=True)
    assert thesis.read_text() == 'years of work'


def test_own_data_set_is_continued_and_another_one_replaced(tmp_path):
    make_data_set(tmp_path, SMALL, workers=1)
    before = digests(tmp_path)
    victim = tmp_path / 'dfc2020/ROIs0000_test/s1_0/ROIs0000_test_s1_0_p0.tif'
    victim.unlink()
    make_data_set(tmp_path, SMALL, workers=1)
    assert digests(tmp_path) == before
    other = replace(SMALL, seed=2, dfc_test=0)
    with pytest.raises(FileExistsError, match='other options'):
        make_data_set(tmp_path, other, workers=1)
    assert digests(tmp_path) == before
    make_data_set(tmp_path, other, workers=1, overwrite=True)
    assert set(digests(tmp_path)) == {str(path) for path in data_set_files(other)} | {MARKER}


def test_record_of_version_0_1_is_read_and_replaced(tmp_path):
    make_data_set(tmp_path, SMALL, workers=1)
    (tmp_path / MARKER).rename(tmp_path / FORMER_MARKER)
    other = replace(SMALL, seed=2, dfc_test=0)
    with pytest.raises(FileExistsError, match='other options'):
        make_data_set(tmp_path, other, workers=1)
    make_data_set(tmp_path, other, workers=1, overwrite=True)
    assert set(digests(tmp_path)) == {str(path) for path in data_set_files(other)} | {MARKER}


def test_unreadable_record_is_reported(tmp_path):
    (tmp_path / MARKER).write_text('{')
    with pytest.raises(FileExistsError, match=MARKER):
        make_data_set(tmp_path, SMALL, workers=1, overwrite=True)


def test_a_data_set_of_another_layout_is_never_mixed_with_this_one(tmp_path):
    old = tmp_path / 'noldo/s1/0000000'
    old.mkdir(parents=True)
    record = {'format': 'mmss-mini-world', 'version': 1, 'options': SMALL.to_dict()}
    (tmp_path / MARKER).write_text(json.dumps(record))
    for overwrite in (False, True):
        with pytest.raises(FileExistsError, match=r'other names.*version 1.*remove it'):
            make_data_set(tmp_path, SMALL, workers=1, overwrite=overwrite)
    assert [path.name for path in (tmp_path / 'noldo').iterdir()] == ['s1']


def test_progress_counts_every_place(tmp_path):
    calls = []
    make_data_set(tmp_path / 'w', SMALL, workers=2, progress=lambda *call: calls.append(call))
    assert calls == [(done, 4) for done in range(1, 5)]


def run_tool(monkeypatch, *arguments):
    monkeypatch.setattr(sys, 'argv', [str(TOOL), *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(TOOL), run_name='__main__')
    return stop.value.code


def test_tool_makes_a_data_set_and_draws_it(tmp_path, monkeypatch, capsys):
    arguments = [tmp_path / 'w', '--seed', 1, '--locations', 2, '--size', 24, '--workers', 1]
    arguments += ['--dfc-train', 1, '--dfc-test', 1, '--preview', tmp_path / 'sheet.png']
    assert run_tool(monkeypatch, *arguments) == 0
    captured = capsys.readouterr()
    assert 'label noise' in captured.out
    assert '4/4 places' in captured.err
    assert digests(tmp_path / 'w') == expected_small(tmp_path)
    assert imread(tmp_path / 'sheet.png').std() > 0.08


def expected_small(tmp_path):
    make_data_set(tmp_path / 'expected', SMALL, workers=1)
    return digests(tmp_path / 'expected')


def test_tool_refuses_with_a_message(tmp_path, monkeypatch, capsys):
    (tmp_path / 'something').touch()
    assert run_tool(monkeypatch, tmp_path, '--workers', 1) == 2
    assert '--overwrite' in capsys.readouterr().err
    assert run_tool(monkeypatch, tmp_path / 'new', '--size', 5) == 2
    assert 'size must be' in capsys.readouterr().err
    assert not (tmp_path / 'new').exists()
    place = tmp_path / 'something' / 'new'
    assert run_tool(monkeypatch, place, '--workers', 1) == 2
    assert f"synthetic: [Errno 20] Not a directory: '{place}'" in capsys.readouterr().err


@pytest.mark.parametrize('coding', ['raw', 'clip8'])
def test_preview_shows_the_labels_colours(tmp_path, coding):
    options = replace(SMALL, coding=coding, locations=1, dfc_train=0, dfc_test=0)
    make_data_set(tmp_path / 'w', options, workers=1)
    draw_preview(tmp_path / 'w', options, tmp_path / 'p.png')
    sheet = np.rint(255 * imread(tmp_path / 'p.png')[..., :3]).astype(int)
    place = f'{0:07d}'
    for kind in ('dw_clean_labels', 'dw_noisy_labels'):
        for path in (tmp_path / 'w' / LABELS / kind / place).rglob('label.tif'):
            with rasterio.open(path) as file:
                classes, counts = np.unique(file.read(1), return_counts=True)
            for land_class in classes[counts > 20]:
                assert (sheet == PALETTE[land_class]).all(-1).sum() > 100
