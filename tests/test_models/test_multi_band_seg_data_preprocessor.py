import pytest
import torch
from mmengine.registry import MODELS
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample


def build(**kwargs):
    return MODELS.build({'type': 'mmss_plugins.MultiBandSegDataPreProcessor', **kwargs})


def sample(height, width):
    data = torch.arange(height * width).view(1, height, width) % 7
    return SegDataSample(gt_sem_seg=PixelData(data=data))


@pytest.mark.parametrize('bands', [1, 2, 3, 4, 13, 15])
def test_eight_bits_become_unit_range_and_floats_stay(bands):
    eight_bit = torch.randint(0, 256, (bands, 5, 6), dtype=torch.uint8)
    values = torch.randn(bands, 5, 6) * 1000
    found = build()({'inputs': [eight_bit, eight_bit], 'data_samples': None})['inputs']
    torch.testing.assert_close(found[1], eight_bit.double().div(255).float())
    assert found.dtype == torch.float32
    found = build()({'inputs': [values]})['inputs']
    torch.testing.assert_close(found[0], values, rtol=0, atol=0)


def test_mean_and_std_per_band():
    values = torch.randn(13, 4, 4)
    mean, std = torch.arange(13.0), torch.arange(1.0, 14.0)
    preprocessor = build(mean=mean.tolist(), std=std.tolist())
    found = preprocessor({'inputs': [values]})['inputs'][0]
    for band in range(13):
        torch.testing.assert_close(found[band], (values[band] - band) / (band + 1))
    with pytest.raises(ValueError, match=r'of 13 bands, but the image has 2'):
        preprocessor({'inputs': [values[:2]]})


def test_training_pads_image_and_label_to_the_size():
    data = {'inputs': [torch.ones(2, 5, 6)], 'data_samples': [sample(5, 6)]}
    found = build(size=(8, 8), pad_val=-1, seg_pad_val=255)(data, training=True)
    assert found['inputs'].shape == (1, 2, 8, 8)
    assert found['inputs'][0, :, 5:].eq(-1).all()
    assert found['inputs'][0, :, :5, :6].eq(1).all()
    label = found['data_samples'][0].gt_sem_seg.data
    assert label.shape == (1, 8, 8)
    assert label[0, :, 6:].eq(255).all()
    assert label[0, :5, :6].ne(255).all()


def test_training_pads_prior_and_clean_labels_with_the_image():
    item = sample(5, 6)
    item.smoothing_prior = PixelData(data=torch.rand(7, 5, 6))
    item.clean_sem_seg = PixelData(data=torch.ones(1, 5, 6, dtype=torch.int64))
    prior = item.smoothing_prior.data.clone()
    batch = {'inputs': [torch.ones(2, 5, 6), torch.ones(2, 8, 9)]}
    batch['data_samples'] = [item, sample(8, 9)]
    found = build(seg_pad_val=99)(batch, training=True)['data_samples']
    padded = found[0].smoothing_prior.data
    assert torch.equal(padded[:, :5, :6], prior)
    assert padded.shape == (7, 8, 9)
    assert padded[:, 5:].eq(0).all()
    assert padded[:, :, 6:].eq(0).all()
    clean = found[0].clean_sem_seg.data
    assert clean.shape == (1, 8, 9)
    assert clean.sum() == 30 + 99 * (72 - 30)
    assert 'smoothing_prior' not in found[1]


def test_images_of_two_sizes_are_padded_to_the_largest():
    inputs = [torch.ones(13, 5, 9), torch.ones(13, 8, 6)]
    data = {'inputs': inputs, 'data_samples': [sample(5, 9), sample(8, 6)]}
    found = build(size_divisor=4)(data, training=True)
    assert found['inputs'].shape == (2, 13, 8, 12)
    assert found['inputs'].sum() == 13 * (45 + 48)


def test_inference_does_not_pad_to_the_training_size():
    data = {'inputs': [torch.ones(2, 5, 6)], 'data_samples': [sample(5, 6)]}
    assert build(size=(8, 8))(data)['inputs'].shape == (1, 2, 5, 6)
    data = {'inputs': [torch.ones(2, 5, 6)], 'data_samples': [sample(5, 6)]}
    assert build(test_cfg={'size_divisor': 32})(data)['inputs'].shape == (1, 2, 32, 32)


def test_labels_stay_unpadded_at_inference_and_the_metainfo_tells_the_padding():
    data = {
        'inputs': [torch.ones(13, 5, 9), torch.ones(13, 8, 6)],
        'data_samples': [sample(5, 9), sample(8, 6)],
    }
    found = build(size_divisor=4)(data)
    assert found['inputs'].shape == (2, 13, 8, 12)
    for item, size in zip(found['data_samples'], [(5, 9), (8, 6)], strict=True):
        assert torch.equal(item.gt_sem_seg.data, sample(*size).gt_sem_seg.data)
        assert item.img_shape == size
        assert tuple(item.pad_shape) == (8, 12)
        assert item.img_padding_size == (0, 12 - size[1], 0, 8 - size[0])


@pytest.mark.parametrize(
    'kwargs',
    [{'mean': [0.0]}, {'mean': [0.0], 'std': [1.0, 2.0]}, {'size': (8, 8), 'size_divisor': 8}],
)
def test_arguments_that_contradict(kwargs):
    with pytest.raises(ValueError, match=r'together|has 1 values, but|exclude'):
        build(**kwargs)
