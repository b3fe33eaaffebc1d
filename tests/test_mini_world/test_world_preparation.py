"""The synthetic trees go through the preparation tools by the commands for real data."""

import json

import numpy as np
import pytest
from downstream_trees import read_label
from small_raw_trees import read_raw

from mmss_plugins.bands import S1, S2
from mmss_plugins.datasets.lmdb_store import ReadRequest, StoreReader
from mmss_plugins.mini_world.plan import (
    DFC_SPLITS,
    DOWNSTREAM,
    NOLDO,
    WorldOptions,
    dfc_files,
    downstream_files,
    downstream_name,
    noldo_folders,
    plan_place,
)
from mmss_plugins.mini_world.world import make_world
from mmss_plugins.prepare import dfc2020, noldo_downstream, noldo_pretrain

OPTIONS = WorldOptions(
    seed=7, parts=('sentinel', 'dw', 'osm'), locations=5, size=24, dfc_train=2, dfc_test=1,
    dw_train=2, dw_test=1, osm_train=1, osm_test=1, downstream_size=26,
)  # fmt: skip


@pytest.fixture(scope='module')
def prepared(tmp_path_factory):
    """The world, and the folder of its stores."""
    root = tmp_path_factory.mktemp('prepared')
    make_world(root / 'raw', OPTIONS, workers=1)
    for module, folder, out in (
        (noldo_pretrain, 'noldo', 'noldo.lmdb'),
        (dfc2020, 'dfc2020', 'dfc2020'),
        (noldo_downstream, 'noldo_downstream', 'noldo_downstream'),
    ):
        assert module.main([str(root / 'raw' / folder), str(root / out), '--workers', '1']) == 0
    return root / 'raw', root


def test_pretraining_pairs_the_scenes_of_a_season(prepared):
    raw, stores = prepared
    reader = StoreReader(stores / 'noldo.lmdb')
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
                if len(expected) == 24:
                    np.testing.assert_array_equal(label, expected)
                else:
                    assert expected.shape == (23, 24)
                    assert set(np.unique(label)) == set(np.unique(expected))


@pytest.mark.parametrize('split', DFC_SPLITS)
def test_dfc2020_patches_of_the_contest_folders(prepared, split):
    raw, stores = prepared
    reader = StoreReader(stores / f'dfc2020/{split}.lmdb')
    stream = DFC_SPLITS[split]
    assert len(reader) == OPTIONS.counts()[stream]
    for index, sample_id in enumerate(reader.sample_ids):
        files = dfc_files(plan_place(OPTIONS, stream, index))
        s1, s2 = reader.read(sample_id, [ReadRequest('s1'), ReadRequest('s2')])
        np.testing.assert_array_equal(s1, read_raw(raw / files[0]).astype(s1.dtype))
        np.testing.assert_array_equal(s2, read_raw(raw / files[1]))


@pytest.mark.parametrize('stream', DOWNSTREAM)
def test_tiles_of_two_archives(prepared, stream):
    raw, stores = prepared
    split = DOWNSTREAM[stream]
    label = split.partition('_')[0]
    reader = StoreReader(stores / f'noldo_downstream/{split}.lmdb')
    assert len(reader) == getattr(OPTIONS, split)
    for index in range(len(reader)):
        plan = plan_place(OPTIONS, stream, index)
        files = downstream_files(plan)
        name, tree = downstream_name(plan), raw / files['s2'].parents[2]
        found = reader.read(name, [ReadRequest('s2'), ReadRequest('label')])
        np.testing.assert_array_equal(found[0], read_raw(raw / files['s2']))
        np.testing.assert_array_equal(found[1], read_label(tree, split, label, name))


def test_nothing_is_reported(prepared):
    _, stores = prepared
    summaries = list(stores.rglob('*.summary.json'))
    assert len(summaries) == 1 + 2 + 4
    for path in summaries:
        summary = json.loads(path.read_text())
        assert summary['skipped'] == [], path
