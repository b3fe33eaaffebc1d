import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate, pseudo_collate
from mmpretrain.structures import DataSample

from mmss_plugins.models import MultiBandSelfSupDataPreprocessor

MEAN, STD = [100.0, 50.0, 0.0, 7.0, 1.0], [10.0, 20.0, 1.0, 3.0, 0.5]


def loaded(dtype, images=3):
    """What a data set gives, item by item."""
    rng = np.random.default_rng(0)
    return [
        {
            'inputs': [
                torch.from_numpy(rng.integers(0, 256, (5, 4, 6)).astype(dtype)) for _ in range(2)
            ],
            'data_samples': DataSample(metainfo={'sample_id': str(n)}),
        }
        for n in range(images)
    ]


@pytest.mark.parametrize('collate', [default_collate, pseudo_collate])
@pytest.mark.parametrize('dtype', [np.uint8, np.int16, np.float32])
def test_views_are_stacked_and_normalised_in_their_own_units(dtype, collate):
    items = loaded(dtype)
    batch = MultiBandSelfSupDataPreprocessor(MEAN, STD)(collate(items), training=True)
    assert isinstance(batch['inputs'], list)
    assert len(batch['inputs']) == 2
    for number, view in enumerate(batch['inputs']):
        assert view.dtype == torch.float32
        for n, item in enumerate(items):
            given = item['inputs'][number].numpy().astype(float)
            for band in range(5):
                expected = (given[band] - MEAN[band]) / STD[band]
                np.testing.assert_allclose(view[n, band], expected, rtol=1e-5, atol=1e-5)
    assert [sample.sample_id for sample in batch['data_samples']] == ['0', '1', '2']


def test_without_statistics_values_stay():
    items = loaded(np.uint8)
    model = MultiBandSelfSupDataPreprocessor()
    batch = model({'inputs': default_collate(items)['inputs']})
    assert torch.equal(batch['inputs'][1][2], items[2]['inputs'][1].float())
    assert batch['data_samples'] is None


def test_images_without_views():
    images = torch.rand(3, 5, 4, 6)
    batch = MultiBandSelfSupDataPreprocessor(MEAN, STD)({'inputs': images})
    expected = (images - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    torch.testing.assert_close(batch['inputs'], expected)


def test_statistics_follow_the_model_but_are_no_weights():
    model = MultiBandSelfSupDataPreprocessor(MEAN, STD).to('meta')
    assert model.mean.device.type == 'meta'
    assert not model.state_dict()


def test_wrong_arguments():
    with pytest.raises(ValueError, match='go together'):
        MultiBandSelfSupDataPreprocessor(MEAN)
    with pytest.raises(ValueError, match='mean has 5 values, but std has 4'):
        MultiBandSelfSupDataPreprocessor(MEAN, STD[:4])
    with pytest.raises(ValueError, match='of 5 bands, but the images have 3'):
        MultiBandSelfSupDataPreprocessor(MEAN, STD)({'inputs': [torch.zeros(2, 3, 4, 4)] * 2})


@pytest.mark.parametrize('std', [0.0, -1.0, float('nan')])
def test_a_band_that_cannot_be_divided_is_refused(std):
    with pytest.raises(ValueError, match='std must be positive for every band'):
        MultiBandSelfSupDataPreprocessor(mean=[0.0, 0.0], std=[1.0, std])
