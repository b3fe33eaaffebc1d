import numpy as np
import pytest
from helpers.store_factory import SEASONS, image_field, write_dfc_store, write_noldo_store
from mmengine.registry import DATASETS

from mmss_plugins.bands import S1, S2, resolve_bands
from mmss_plugins.datasets import DFC2020Dataset, NoLDOPretrainDataset
from mmss_plugins.store.normalisation import clip8, standardise


@pytest.fixture(scope='module')
def dfc(tmp_path_factory):
    path = tmp_path_factory.mktemp('stores') / 'dfc.lmdb'
    return path, write_dfc_store(path)


@pytest.fixture(scope='module')
def noldo(tmp_path_factory):
    path = tmp_path_factory.mktemp('stores') / 'noldo.lmdb'
    return path, write_noldo_store(path)


@pytest.mark.parametrize('bands', [3, 9, 10, 12, 13, 'rgb9', ('B8', 'B2'), (12, 0), None])
@pytest.mark.parametrize('normalize', ['clip8', 'standardise', None])
def test_sentinel2_pixels(dfc, bands, normalize):
    path, content = dfc
    data = DFC2020Dataset(str(path), bands=bands, normalize=normalize, test_mode=True)
    indices = list(resolve_bands(bands, S2.bands, S2))
    mean, std = np.array(S2.mean)[indices], np.array(S2.std)[indices]
    for position, name in enumerate(content):
        sample, raw = data[position], content[name]['s2'][indices]
        expected = {
            'clip8': clip8(raw, mean, std) / 255,
            'standardise': standardise(raw, mean, std),
            None: raw,
        }[normalize]
        assert sample['sample_id'] == name
        assert sample['img'].shape == (32, 32, len(indices))
        assert sample['img'].dtype == np.float32
        assert sample['img'].transpose(2, 0, 1).flags.c_contiguous  # as the network takes it
        np.testing.assert_allclose(sample['img'], expected.transpose(1, 2, 0), atol=1e-6)
        np.testing.assert_array_equal(sample['gt_seg_map'], content[name]['label'])


def test_radar_is_standardised_by_its_own_percentiles(dfc):
    path, content = dfc
    sample = DFC2020Dataset(str(path), modality='s1', normalize='standardise')[1]
    expected = standardise(content['p1']['s1'], S1.mean, S1.std, 'percentiles')
    np.testing.assert_allclose(sample['img'], expected.transpose(1, 2, 0), atol=1e-6)


def test_both_modalities_are_stacked_radar_first(dfc):
    path, content = dfc
    data = DFC2020Dataset(str(path), modality='s12', bands=3, image_dtype='uint8')
    sample = data[2]
    assert data.channels == ('s1.VV', 's1.VH', 's2.B4', 's2.B3', 's2.B2')
    assert sample['img'].dtype == np.uint8
    np.testing.assert_array_equal(
        sample['img'][..., :2], clip8(content['p2']['s1'], S1.mean, S1.std).transpose(1, 2, 0)
    )
    np.testing.assert_array_equal(
        sample['img'][..., 4], clip8(content['p2']['s2'], S2.mean, S2.std)[1]
    )


def test_bands_of_both_by_dict(dfc):
    data = DFC2020Dataset(str(dfc[0]), modality='s12', bands={'s1': ['VH'], 's2': ['B8']})
    assert data.channels == ('s1.VH', 's2.B8')


def test_quantised_stores_give_the_same_pixels(dfc, tmp_path):
    raw = DFC2020Dataset(str(dfc[0]), image_dtype='uint8')
    rng_content = dfc[1]
    field = image_field(S2, 'uint8', 'clip8')
    from mmss_plugins.store.reader import StoreMeta, StoreWriter

    meta = StoreMeta('DFC2020', 'test', {**raw.store.meta.fields, 's2': field})
    with StoreWriter(tmp_path / 'coded.lmdb', meta) as writer:
        for name, fields in rng_content.items():
            writer.put(name, {**fields, 's2': clip8(fields['s2'], S2.mean, S2.std)})
    coded = DFC2020Dataset(str(tmp_path / 'coded.lmdb'), image_dtype='uint8')
    np.testing.assert_array_equal(coded[0]['img'], raw[0]['img'])
    standard = DFC2020Dataset(str(tmp_path / 'coded.lmdb'), normalize='standardise')
    exact = DFC2020Dataset(str(dfc[0]), normalize='standardise')
    assert np.abs(standard[0]['img'] - exact[0]['img']).max() <= 4 / 255 + 1e-5


def test_each_season_is_its_own(noldo):
    path, content = noldo
    for index, season in enumerate(SEASONS):
        data = NoLDOPretrainDataset(str(path), modality='s2', season=index, normalize=None)
        sample = data[3]
        raw = content['0000004'][season]
        np.testing.assert_array_equal(sample['img'], raw['s2'].transpose(1, 2, 0))
        np.testing.assert_array_equal(sample['gt_seg_map'], raw['label'])
        assert sample['season'] == season


def test_random_season_keeps_image_and_label_together(noldo):
    path, content = noldo
    data = NoLDOPretrainDataset(str(path), normalize=None)
    np.random.seed(0)
    seen = set()
    for _ in range(40):
        sample = data[0]
        raw = content['0000001'][sample['season']]
        expected = np.concatenate([raw['s1'], raw['s2'].astype(np.float32)])
        np.testing.assert_array_equal(sample['img'], expected.transpose(1, 2, 0))
        np.testing.assert_array_equal(sample['gt_seg_map'], raw['label'])
        seen.add(sample['season'])
    assert seen == set(SEASONS)


def test_labels_of_all_seasons(noldo):
    path, content = noldo
    data = NoLDOPretrainDataset(str(path), season_labels=True)
    reads = []
    read = data.store.read
    data.store.read = lambda *args: reads.append(args) or read(*args)
    np.random.seed(1)
    seen = set()
    for _ in range(30):
        sample = data[1]
        expected = [content['0000002'][season]['label'] for season in SEASONS]
        np.testing.assert_array_equal(sample['season_labels'], expected)
        index = sample['season_index']
        assert SEASONS[index] == sample['season']
        np.testing.assert_array_equal(sample['gt_seg_map'], expected[index])
        sample['gt_seg_map'][:] = 0  # its own memory
        np.testing.assert_array_equal(sample['season_labels'], expected)
        assert sample['num_classes'] == 9
        assert sample['seg_fields'] == ['gt_seg_map']
        seen.add(index)
    assert seen == {0, 1, 2, 3}
    assert len(reads) == 30  # one transaction each


def test_labels_of_all_seasons_become_those_of_the_chosen_classes(noldo):
    path, content = noldo
    chosen = ('crops', 'water', 'trees')
    data = NoLDOPretrainDataset(
        str(path), season=2, season_labels=True, metainfo={'classes': chosen}
    )
    raw = np.stack([content['0000001'][season]['label'] for season in SEASONS])
    expected = np.full_like(raw, 255)
    for new, old in enumerate((4, 0, 1)):
        expected[raw == old] = new
    sample = data[0]
    np.testing.assert_array_equal(sample['season_labels'], expected)
    assert sample['num_classes'] == 3


@pytest.mark.parametrize('season_labels', [False, True])
def test_clean_labels_of_the_same_season(tmp_path, season_labels):
    content = write_noldo_store(tmp_path / 'clean.lmdb', clean=True)
    data = NoLDOPretrainDataset(
        str(tmp_path / 'clean.lmdb'), season=3, clean_labels=True, season_labels=season_labels
    )
    sample, raw = data[1], content['0000002'][SEASONS[3]]
    np.testing.assert_array_equal(sample['clean_seg_map'], raw['clean_label'])
    np.testing.assert_array_equal(sample['gt_seg_map'], raw['label'])
    assert (sample['clean_seg_map'] != sample['gt_seg_map']).any()
    assert sample['seg_fields'] == ['gt_seg_map', 'clean_seg_map']


def test_subsets(noldo, tmp_path):
    path, _ = noldo
    split = tmp_path / 'few.txt'
    split.write_text('0000003\n0000001\n')
    chosen = NoLDOPretrainDataset(str(path), season=0, split_file=str(split))
    assert [chosen[i]['sample_id'] for i in range(len(chosen))] == ['0000003', '0000001']
    assert len(NoLDOPretrainDataset(str(path), season=0, indices=2)) == 2
    parts = [
        NoLDOPretrainDataset(str(path), season=0, holdout={'fraction': 0.25, 'part': part})
        for part in ('train', 'val')
    ]
    assert [len(part) for part in parts] == [3, 1]


def test_paths_name_the_sample(dfc):
    sample = DFC2020Dataset(str(dfc[0]))[0]
    assert sample['img_path'].endswith('dfc.lmdb/p0')
    assert sample['img_shape'] == sample['ori_shape'] == (32, 32)


@pytest.mark.parametrize(
    ('kind', 'kwargs', 'message'),
    [
        ('dfc', {'modality': 's3'}, "modality must be one of .*, but got 's3'"),
        ('dfc', {'season': 0}, 'holds no seasons'),
        ('dfc', {'normalize': 'minmax'}, "normalize must be .*'minmax'"),
        ('dfc', {'normalize': 'standardise', 'image_dtype': 'uint8'}, "needs normalize='clip8'"),
        ('dfc', {'image_dtype': 'float16'}, "image_dtype must be .*'float16'"),
        ('dfc', {'label_field': 'osm'}, "no field 'osm'"),
        ('dfc', {'bands': {'s1': None}}, r"bands are given for \['s1'\]"),
        ('dfc', {'season_labels': True}, 'holds no seasons: omit season_labels'),
        ('noldo', {'clean_labels': True}, "no field 'clean_label'"),
        ('noldo', {'season': 4}, "must be 0..3 or 'random', but got 4"),
        ('noldo', {'season': None}, "must be 0..3 or 'random', but got None"),
        ('noldo', {'season': True}, 'but got True'),
    ],
)
def test_options_that_do_not_fit(dfc, noldo, kind, kwargs, message):
    cls, path = {'dfc': (DFC2020Dataset, dfc[0]), 'noldo': (NoLDOPretrainDataset, noldo[0])}[kind]
    with pytest.raises(ValueError, match=message):
        cls(str(path), **kwargs)


def test_built_by_prefix_from_the_root_registry(dfc):
    data = DATASETS.build({'type': 'mmss_plugins.DFC2020Dataset', 'data_root': str(dfc[0])})
    assert len(data) == 4
    assert data.metainfo['classes'][6] == 'urban/built-up'
    assert len(data.metainfo['palette']) == len(data.metainfo['classes']) == 8


def test_labels_of_another_data_set_are_refused(dfc, noldo):
    for cls, (path, _) in ((DFC2020Dataset, noldo), (NoLDOPretrainDataset, dfc)):
        with pytest.raises(ValueError, match='holds labels of the classes') as e:
            cls(str(path), season=0 if path == noldo[0] else None)
        for part in ("'ice and snow'", "'shrubland'", cls.__name__, str(path)):
            assert part in str(e.value)


def test_chosen_classes_are_renumbered_and_all_others_ignored(dfc):
    path, content = dfc
    chosen = ('croplands', 'water')
    data = DFC2020Dataset(str(path), metainfo={'classes': chosen})
    for position, fields in enumerate(content.values()):
        label = fields['label']
        expected = np.full_like(label, 255)
        expected[label == 4] = 0
        expected[label == 0] = 1
        found = data[position]['gt_seg_map']
        assert found.dtype == np.uint8
        np.testing.assert_array_equal(found, expected)
    assert {0, 1, 255} <= {int(v) for i in range(4) for v in np.unique(data[i]['gt_seg_map'])}
    palette = DFC2020Dataset.METAINFO['palette']
    assert data.metainfo['classes'] == chosen
    assert data.metainfo['palette'] == [palette[4], palette[0]]
    own = DFC2020Dataset(str(path), metainfo={'classes': chosen, 'palette': [[1, 2, 3], [4, 5, 6]]})
    assert own.metainfo['palette'] == [[1, 2, 3], [4, 5, 6]]


def test_all_classes_by_name_change_nothing(dfc):
    path, content = dfc
    data = DFC2020Dataset(str(path), metainfo={'classes': list(DFC2020Dataset.METAINFO['classes'])})
    np.testing.assert_array_equal(data[0]['gt_seg_map'], content['p0']['label'])


@pytest.mark.parametrize(
    ('classes', 'message'),
    [
        (('water', 'trees'), r"\['trees'\] are not among the classes"),
        (('water', 'forest', 'water'), r"name \['water'\] more than once"),
    ],
)
def test_classes_that_cannot_be_chosen(dfc, classes, message):
    with pytest.raises(ValueError, match=message):
        DFC2020Dataset(str(dfc[0]), metainfo={'classes': classes})


@pytest.mark.parametrize('normalize', ['clip8', 'standardise'])
def test_values_that_are_no_numbers_are_refused_by_sample(tmp_path, normalize):
    """Quantised to 8 bits, they would look like valid values."""
    write_dfc_store(tmp_path / 'dfc.lmdb')
    dataset = DFC2020Dataset(tmp_path / 'dfc.lmdb', modality='s1', normalize=normalize)
    read = dataset.store.read

    def broken(*args):
        arrays = [array.copy() for array in read(*args)]
        arrays[0][1, 2, 3] = np.nan
        return arrays

    dataset.store.read = broken
    with pytest.raises(FloatingPointError, match=r'dfc\.lmdb/p1: s1 holds values that are NaN'):
        dataset[1]
