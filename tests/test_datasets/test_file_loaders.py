import pytest
from helpers.store_factory import write_dfc_store
from mmengine.registry import DATASETS

READS = {'type': 'mmseg.LoadImageFromFile'}
LABELS = {'type': 'mmseg.LoadAnnotations'}
PACK = {'type': 'mmseg.PackSegInputs'}


@pytest.fixture(scope='module')
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp('loaders') / 'dfc.lmdb'
    write_dfc_store(folder, size=16)
    return folder


def build(store, pipeline):
    return DATASETS.build(
        {'type': 'mmss_plugins.DFC2020Dataset', 'data_root': str(store), 'pipeline': pipeline}
    )


@pytest.mark.parametrize(
    ('pipeline', 'names'),
    [
        ([READS, PACK], "\\['LoadImageFromFile'\\]"),
        ([READS, LABELS, PACK], "\\['LoadAnnotations', 'LoadImageFromFile'\\]"),
        (
            [{'type': 'mmseg.TestTimeAug', 'transforms': [[READS], [PACK]]}],
            "\\['LoadImageFromFile'\\]",
        ),
        ([{'type': 'RandomApply', 'transforms': [READS]}, PACK], "\\['LoadImageFromFile'\\]"),
    ],
)
def test_transforms_that_read_files_are_refused(store, pipeline, names):
    with pytest.raises(ValueError, match=f'DFC2020Dataset has {names}.*take them out'):
        build(store, pipeline)


def test_other_transforms_are_fine(store):
    flip = {'type': 'mmseg.RandomFlip', 'prob': 0.5}
    assert len(build(store, [{'type': 'RandomApply', 'transforms': [flip]}, PACK]))
