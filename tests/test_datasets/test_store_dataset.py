"""Which samples a data set uses, by sample or by group; see test_aerial_store_dataset for tiles."""

import pytest
from helpers.store_factory import write_dfc_store, write_noldo_store

from mmss_plugins.datasets import DFC2020Dataset, NoLDOPretrainDataset
from mmss_plugins.store.reader import ReadRequest, StoreReader, StoreWriter
from mmss_plugins.store.splits import holdout_part, subset_part

IDS = [f'p{i}' for i in range(20)]


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp('stores') / 'dfc.lmdb'
    write_dfc_store(path, IDS, size=4)
    return str(path)


def ids(data):
    return [data.get_data_info(i)['sample_id'] for i in range(len(data))]


def test_the_holdout_is_that_of_the_ids(store):
    for part in ('train', 'val'):
        options = {'fraction': 0.25, 'seed': 3, 'part': part}
        assert ids(DFC2020Dataset(store, holdout=options)) == holdout_part(IDS, **options)


def test_half_a_store_is_not_taken_for_the_whole(store, tmp_path):
    with StoreReader(store) as reader:
        writer = StoreWriter(tmp_path / 'half.lmdb', reader.meta)
        requests = [ReadRequest(name) for name in ('s1', 's2', 'label')]
        for sample_id in reader.sample_ids[:3]:
            arrays = reader.read(sample_id, requests)
            writer.put(sample_id, dict(zip(('s1', 's2', 'label'), arrays, strict=True)))
    writer.commit()
    writer.close()
    with pytest.raises(ValueError, match=r'half\.lmdb: expected a whole store.* holds 3 samples'):
        DFC2020Dataset(str(tmp_path / 'half.lmdb'))


def test_a_subset_is_taken_of_what_is_left(store):
    train = holdout_part(IDS, 0.5, 'train')
    data = DFC2020Dataset(
        store, holdout={'fraction': 0.5, 'part': 'train'}, subset={'fraction': 0.3, 'seed': 1}
    )
    assert ids(data) == subset_part(train, fraction=0.3, seed=1)
    assert len(data) == 3
    assert (
        ids(DFC2020Dataset(store, subset={'count': 4}, indices=2))
        == (subset_part(IDS, count=4)[:2])
    )
    with pytest.raises(ValueError, match="by must be 'group' or 'sample', but got 'tile'"):
        DFC2020Dataset(store, subset={'count': 4, 'by': 'tile'})


def test_images_without_labels(store, tmp_path):
    sample = DFC2020Dataset(store, label_field=None)[2]
    assert 'gt_seg_map' not in sample
    assert sample['seg_fields'] == []
    assert sample['img'].shape == (4, 4, 13)
    write_noldo_store(tmp_path / 'noldo.lmdb', size=4)
    with pytest.raises(ValueError, match='need a label_field, but it is None'):
        NoLDOPretrainDataset(str(tmp_path / 'noldo.lmdb'), label_field=None, season_labels=True)
