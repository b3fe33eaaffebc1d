"""The synthetic trees go through the preparation tools by the commands for real data."""

import json

import numpy as np
import pytest
from helpers.downstream_trees import read_label
from helpers.small_raw_trees import read_raw

from mmss_plugins.bands import S1, S2
from mmss_plugins.prepare import dfc2020, noldo_downstream, noldo_pretrain
from mmss_plugins.store.reader import ReadRequest, StoreReader
from projects.synthetic.data_set import make_data_set
from projects.synthetic.plan import (
    DFC_SPLITS,
    DOWNSTREAM,
    NOLDO,
    SyntheticOptions,
    dfc_files,
    downstream_files,
    downstream_name,
    noldo_folders,
    plan_place,
)

OPTIONS = SyntheticOptions(
    seed=7, parts=('sentinel', 'dw', 'osm'), locations=5, size=24, dfc_train=2, dfc_test=1,
    dw_train=2, dw_test=1, osm_train=1, osm_test=1, downstream_size=26,
)  # fmt: skip


@pytest.fixture(scope='module')
def raw(tmp_path_factory):
    root = tmp_path_factory.mktemp('prepared') / 'raw'
    make_data_set(root, OPTIONS, workers=1)
    return root


def prepare(module, raw, folder, out):
    """Prepare a folder of the data set; nothing is skipped."""
    assert module.main([str(raw / folder), str(out), '--workers', '1']) == 0
    summaries = [*out.parent.glob(f'{out.name}.summary.json'), *out.glob('*.summary.json')]
    assert summaries
    for path in summaries:
        assert json.loads(path.read_text())['skipped'] == [], path


def test_pretraining_pairs_the_scenes_of_a_season(raw, tmp_path):
    prepare(noldo_pretrain, raw, 'noldo', tmp_path / 'noldo.lmdb')
    reader = StoreReader(tmp_path / 'noldo.lmdb')
    assert len(reader) == 5
    for index in range(5):
        plan = plan_place(OPTIONS, NOLDO, index)
        for season in range(4):
            folders = {kind: raw / path for kind, path in noldo_folders(plan, season).items()}
            sample = reader.read(
                f'{index:07d}',
                [ReadRequest(f, f'season{season}') for f in ('s1', 's2', 'label', 'clean_label')],
            )
            for band, name in enumerate(S1.bands):
                np.testing.assert_array_equal(
                    sample[0][band], read_raw(folders['s1'] / f'{name}.tif')[0]
                )
            for band, name in enumerate(S2.bands):
                if S2.resolutions[band] == 10:
                    expected = read_raw(folders['s2c'] / f'{name}.tif')[0]
                    np.testing.assert_array_equal(sample[1][band], expected)
            for label, kind in zip(sample[2:], ('dw_noisy_labels', 'dw_clean_labels'), strict=True):
                expected = read_raw(folders[kind] / 'label.tif')[0]
                assert label.shape == (24, 24)
                nearest = ((np.arange(24) + 0.5) * len(expected) / 24).astype(int)
                np.testing.assert_array_equal(label, expected[nearest])
        assert len(expected) == (23 if index == 4 else 24)


def test_dfc2020_patches_of_the_contest_folders(raw, tmp_path):
    prepare(dfc2020, raw, 'dfc2020', tmp_path)
    for split, stream in DFC_SPLITS.items():
        reader = StoreReader(tmp_path / f'{split}.lmdb')
        assert len(reader) == OPTIONS.counts()[stream]
        for index, sample_id in enumerate(reader.sample_ids):
            files = dfc_files(plan_place(OPTIONS, stream, index))
            s1, s2 = reader.read(sample_id, [ReadRequest('s1'), ReadRequest('s2')])
            np.testing.assert_array_equal(s1, read_raw(raw / files[0]).astype(s1.dtype))
            np.testing.assert_array_equal(s2, read_raw(raw / files[1]))


def test_tiles_of_two_archives(raw, tmp_path):
    prepare(noldo_downstream, raw, 'noldo_downstream', tmp_path)
    for stream, split in DOWNSTREAM.items():
        label = split.partition('_')[0]
        reader = StoreReader(tmp_path / f'{split}.lmdb')
        assert len(reader) == getattr(OPTIONS, split)
        for index in range(len(reader)):
            plan = plan_place(OPTIONS, stream, index)
            files = downstream_files(plan)
            name, tree = downstream_name(plan), raw / files['s2'].parents[2]
            found = reader.read(name, [ReadRequest('s2'), ReadRequest('label')])
            np.testing.assert_array_equal(found[0], read_raw(raw / files['s2']))
            np.testing.assert_array_equal(found[1], read_label(tree, split, label, name))
