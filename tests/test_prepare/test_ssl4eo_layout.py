"""Images, labels and index are found by what they hold."""

import pytest

from mmss_plugins.prepare.ssl4eo_layout import find_layout, kind_of_files
from mmss_plugins.utils.errors import PrepareUsageError

S1_FILES, S2_FILES = ('VV.tif', 'VH.tif'), ('B1.tif', 'B2.tif', 'B8A.tif')


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()


@pytest.mark.parametrize('top', ['', 'ssl4eo_s12_nol', 'a/b/c'])
def test_folders_at_any_depth(tmp_path, top):
    root = tmp_path / top
    touch(root / 'radar/0000001/S1A_x', *S1_FILES, 'metadata.json')
    touch(root / 'x/optical/0000001/2020', *S2_FILES, 'B10.tif')
    touch(root / 'x/s2a/0000001/2020', *S2_FILES)
    touch(root / 'dw_noisy_labels/0000001/2020', 'label.tif')
    touch(root / 'clean/0000001/2020', 'label.tif')
    touch(root / 'y', 'dw_complete_ids.csv', '._dw_complete_ids.csv')
    touch(tmp_path / '__MACOSX/s1/0000001/S1A_x', *S1_FILES)
    found = find_layout([tmp_path])
    assert found.folders == {
        's1': [root / 'radar'],
        's2c': [root / 'x/optical'],
        's2a': [root / 'x/s2a'],
        'label': [root / 'dw_noisy_labels'],
        'clean_label': [root / 'clean'],
    }
    assert found.index() == root / 'y/dw_complete_ids.csv'


def test_the_kind_is_that_of_several_scenes(tmp_path):
    touch(tmp_path / 'scenes/0000001')  # an empty location
    touch(tmp_path / 'scenes/0000002/a', 'B2.tif')  # B10 is missing in one
    touch(tmp_path / 'scenes/0000002/b', *S2_FILES, 'B10.tif')
    assert find_layout([tmp_path]).folders == {'s2c': [tmp_path / 'scenes']}


@pytest.mark.parametrize(
    ('files', 'folder', 'kind'),
    [
        (['VH.tif'], 'x', 's1'),
        (['B2.tif'], 's2c', 's2c'),
        (['B2.tif'], 'S2_L1C', 's2c'),
        (['B2.tif'], 'x', 's2a'),
        (['B2.tif', 'B10.tif'], 's2a', 's2c'),
        (['label.tif'], 'dw_clean_labels', 'clean_label'),
        ([], 's1_grd', 's1'),
        (['dem.tif'], 'x', None),
    ],
)
def test_kinds(files, folder, kind):
    assert kind_of_files(files, folder) == kind


def test_two_of_a_kind_are_named(tmp_path):
    for top in ('a', 'b'):
        touch(tmp_path / top / 's1/0000001/S1A_x', *S1_FILES)
        touch(tmp_path / top, 'dw_complete_ids.csv')
    found = find_layout([tmp_path, tmp_path])  # each is counted once
    with pytest.raises(PrepareUsageError, match=r'a/s1 and .*b/s1: name the right one with --imag'):
        found.folder('s1', '--images')
    with pytest.raises(PrepareUsageError, match='--index'):
        found.index()
    assert found.folder('s2c', '--images') is None


def test_parts_of_archives(tmp_path):
    touch(tmp_path / 'a', 's1_grd.tar.gz.partab', 's1_grd.tar.gz.partaa', 'README.md')
    touch(tmp_path / 'b', 's2c_uint8.tar.gz')
    found = find_layout([tmp_path / 'a', tmp_path / 'b/s2c_uint8.tar.gz'])
    names = [[path.name for path in parts] for parts in found.archives]
    assert names == [['s1_grd.tar.gz.partaa', 's1_grd.tar.gz.partab'], ['s2c_uint8.tar.gz']]
    touch(tmp_path / 'a', 's1_grd.tar.gz.partad')
    with pytest.raises(PrepareUsageError, match='missing before partad: partac'):
        find_layout([tmp_path])
    (tmp_path / 'a/s1_grd.tar.gz.partaa').unlink()
    with pytest.raises(PrepareUsageError, match='before partad: partaa, partac'):
        find_layout([tmp_path])


def test_zarr_files_of_the_modalities_wanted(tmp_path):
    name = 'ssl4eos12_train_seasonal_data_000001.zarr.zip'
    for modality in ('S1GRD', 'S2L1C', 'S2L2A', 'S2RGB', 'DEM'):
        touch(tmp_path / 'train' / modality, name)
    touch(tmp_path / 'val/S1GRD', 'ssl4eos12_shard_000001.tar')
    found = find_layout([tmp_path]).zarr
    assert {kind: len(paths) for kind, paths in found.items()} == {'s1': 2, 's2c': 1, 's2a': 1}


def test_a_root_that_is_not_there(tmp_path):
    with pytest.raises(PrepareUsageError, match=r'none: expected a folder or an archive'):
        find_layout([tmp_path / 'none'])
