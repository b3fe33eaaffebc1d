import re

import pytest
import torch
from helpers.published_networks import NETWORKS, published_state, tensor_shapes

from mmss_plugins.checkpoints import ConversionError, PublishedNetwork
from mmss_plugins.checkpoints.convert.cromss import (
    from_published,
    mm_checkpoint,
    published_checkpoint,
    to_published,
)
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES


def distinct(name, shape):
    """Values that no other tensor of the network has, cheap to make."""
    if name.endswith('num_batches_tracked'):
        return torch.tensor(len(name))
    size = torch.Size(shape).numel()
    start = sum(ord(letter) * (i + 1) for i, letter in enumerate(name))
    return torch.arange(start, start + size, dtype=torch.float32).view(shape) * torch.pi


def checkpoint(network='mid2_resnet18', bands=13, prefix='net.', fill=distinct):
    state = published_state(network, bands, fill)
    return {'epoch': 199, 'state_dict': {prefix + name: t for name, t in state.items()}}


@pytest.mark.parametrize('network', NETWORKS)
def test_there_and_back_is_the_same_bits_in_the_same_order(network):
    theirs = checkpoint(network)
    ours = mm_checkpoint(from_published(theirs, 'x'), 'x')
    back = published_checkpoint(to_published(ours, 'x'))
    assert list(back['state_dict']) == list(theirs['state_dict'])
    for name, tensor in theirs['state_dict'].items():
        found = back['state_dict'][name]
        assert found.dtype == tensor.dtype
        assert torch.equal(found, tensor), name
    again = mm_checkpoint(from_published(back, 'x'), 'x')
    assert again['meta'] == ours['meta']
    assert list(again['state_dict']) == list(ours['state_dict'])


@pytest.mark.parametrize('network', NETWORKS)
def test_the_network_is_told_by_its_tensors(network):
    kind, _, encoder = network.partition('_')
    conversion = from_published(checkpoint(network, bands=9), 'x')
    expected = PublishedNetwork(kind[:-1], int(encoder[6:]), 2, 9, 9, kind.endswith('3'))
    assert conversion.network == expected
    assert conversion.network.shapes() == tensor_shapes(network, bands=9)
    assert list(conversion.network.shapes()) == list(tensor_shapes(network))


@pytest.mark.parametrize('network', ['mid2_resnet18', 'late3_resnet50'])
@pytest.mark.parametrize(('modality', 'mid', 'late'), [
    ('s1', 'encoder1', 'model1.encoder'), ('s2', 'encoder', 'model2.encoder'),
])  # fmt: skip
def test_a_bare_backbone_has_that_encoder_and_says_what_it_leaves_out(network, modality, mid, late):
    theirs = checkpoint(network)
    conversion = from_published(theirs, 'x', modality)
    prefix = f'net.{mid if network.startswith("mid") else late}.'
    expected = {
        name.removeprefix(prefix): tensor
        for name, tensor in theirs['state_dict'].items()
        if name.startswith(prefix)
    }
    assert list(conversion.state) == list(expected)
    assert all(torch.equal(conversion.state[name], t) for name, t in expected.items())
    ((reason, names),) = conversion.dropped.items()
    assert modality in reason
    assert len(names) + len(expected) == len(theirs['state_dict'])
    assert f'dropped: {len(names)} tensors, {reason}' in conversion.report()
    assert list(conversion.spec.modalities) == [modality]


def test_the_report_counts_every_tensor_and_names_the_rest():
    report = from_published(checkpoint('mid3_resnet18'), 'x').report()
    assert 'mid fusion, ResNet-18, 2 + 13 bands, 9 classes, common branch' in report
    assert 'converted: 422 tensors' in report
    assert '(backbones.s1 120, backbones.s2 120, backbones.common 120, decode_heads.shared 62)' in (
        report
    )
    assert 'skipped, not weights: epoch' in report
    assert 's2 B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12 (clip8)' in report


@pytest.mark.parametrize('network', ['mid3_resnet18', 'late3_resnet18'])
def test_a_published_order_does_not_depend_on_ours(network):
    theirs = checkpoint(network)
    ours = from_published(theirs, 'x').state
    turned = {name: ours[name] for name in sorted(ours, reverse=True)}
    assert list(to_published({'state_dict': turned}, 'x').state) == list(theirs['state_dict'])


def test_step_counters_may_be_missing():
    theirs = checkpoint()
    state = {n: t for n, t in theirs['state_dict'].items() if not n.endswith('_tracked')}
    ours = from_published({'state_dict': state}, 'x')
    assert len(ours.state) == len(state)
    assert list(to_published({'state_dict': ours.state}, 'x').state) == list(state)


def spoilt(change, network='mid2_resnet18', name='net.encoder.layer1.0.conv2.weight'):
    theirs = checkpoint(network)
    state = theirs['state_dict']
    if change == 'missing':
        del state[name]
    elif change == 'shape':
        state[name] = state[name][:, 1:]
    elif change == 'number type':
        state[name] = state[name].long()
    else:
        state[change] = torch.zeros(2)
    return theirs


@pytest.mark.parametrize(
    ('change', 'said'),
    [
        ('missing', r'1 missing: encoder\.layer1\.0\.conv2\.weight'),
        ('shape', r'1 of another shape: encoder\.layer1\.0\.conv2\.weight: expected \(64, 64, 3, '
                  r'3\), found \(64, 63, 3, 3\)'),
        ('number type', r'1 of another number type: encoder\.layer1.*int64'),
        ('net.encoder.fc.weight', r'1 unknown: encoder\.fc\.weight'),
        ('net.head2.weight', r'1 unknown: head2\.weight'),
        ('criterion.weight', r"without the prefix 'net\.'.*criterion\.weight"),
    ],
)  # fmt: skip
def test_a_tensor_that_is_not_as_expected_is_an_error_that_names_it(change, said):
    with pytest.raises(ConversionError) as error:
        from_published(spoilt(change), 'some.ckpt')
    assert 'some.ckpt' in str(error.value)
    assert re.search(said, str(error.value)), error.value


def test_every_tensor_is_required_and_held_to_its_shape():
    theirs = checkpoint(fill=lambda name, shape: torch.zeros(shape, dtype=_dtype(name)))
    for name in theirs['state_dict']:
        rest = {n: t for n, t in theirs['state_dict'].items() if n != name}
        if not name.endswith('num_batches_tracked'):
            with pytest.raises(ConversionError):
                from_published({'state_dict': rest}, 'x')
        with pytest.raises(ConversionError):
            from_published({'state_dict': {**rest, name: torch.zeros(5, 4, 3, 2, 1)}}, 'x')


def _dtype(name):
    return torch.int64 if name.endswith('num_batches_tracked') else torch.float32


def test_what_the_user_names_is_left_out_and_told():
    theirs = spoilt('criterion.weight')
    conversion = from_published(theirs, 'x', drop=['criterion.'])
    assert conversion.dropped == {'as --drop says': ['criterion.weight']}
    assert 'dropped: 1 tensors, as --drop says' in conversion.report()
    assert len(conversion.state) == len(theirs['state_dict']) - 1


def test_other_networks_are_told():
    unet = {
        name.removeprefix('net.'): tensor
        for name, tensor in checkpoint()['state_dict'].items()
        if not name.startswith('net.encoder1.')
    }
    with pytest.raises(ConversionError, match=r"'encoder1.conv1.weight'.* is missing"):
        from_published({'state_dict': unet}, 'x')
    with pytest.raises(ConversionError, match=r"begin with \['backbone', 'fc'\]"):
        from_published({'state_dict': {'backbone.x': torch.ones(1), 'fc.x': torch.ones(1)}}, 'x')
    shorter = checkpoint('mid2_resnet50')['state_dict']
    shorter = {name: t for name, t in shorter.items() if 'encoder.layer3.5' not in name}
    with pytest.raises(
        ConversionError, match=r'ResNet of depth 18, .* found \(3, 4, 5, 3\) residual'
    ):
        from_published({'state_dict': shorter}, 'x')
    ours = {'state_dict': from_published(checkpoint(), 'x').state}
    with pytest.raises(ConversionError, match='ours already'):
        from_published(ours, 'x')
    with pytest.raises(ConversionError, match=r"no branch 'common'"):
        from_published(checkpoint(), 'x', 'common')
    with pytest.raises(ConversionError, match='no place in a published'):
        to_published(checkpoint(), 'x')
    half = {name: t for name, t in ours['state_dict'].items() if 'decode' not in name}
    with pytest.raises(ConversionError, match='missing'):
        to_published({'state_dict': half}, 'x')


def test_training_state_of_ours_is_dropped_with_a_reason():
    ours = dict(from_published(checkpoint(), 'x').state)
    ours['losses.0.class_weight'] = torch.ones(9)
    conversion = to_published({'state_dict': ours}, 'x')
    ((reason, names),) = conversion.dropped.items()
    assert names == ['losses.0.class_weight']
    assert 'published network has not' in reason
    ours['surprise'] = torch.ones(9)
    with pytest.raises(ConversionError, match="'surprise'"):
        to_published({'state_dict': ours}, 'x')


@pytest.mark.parametrize(('bands', 'names'), [
    (13, 'B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12'), (9, 'B2 B3 B4 B5 B6 B7 B8 B11 B12'),
])  # fmt: skip
def test_the_specification_of_the_published_ones(bands, names):
    conversion = from_published(checkpoint(bands=bands), 'x')
    spec = conversion.spec
    assert list(spec.modalities) == ['s1', 's2']
    assert spec.modalities['s1'].bands == ('VV', 'VH')
    s2 = spec.modalities['s2']
    assert ' '.join(s2.bands) == names
    assert (s2.normalize, s2.values, s2.unit) == ('clip8', '0..1', 'reflectance x 10000')
    assert (s2.mean[-1], s2.std[-1]) == (1524.06546312, 1136.53823676)
    assert spec.classes == DYNAMIC_WORLD_CLASSES
    assert spec.method == 'CromSS'
    assert spec.settings['smoothing'] == {'factors': [0.15, 0.05], 'prior': 'ts'}
    meta = mm_checkpoint(conversion, 'x')['meta']
    assert meta['dataset_meta']['classes'] == DYNAMIC_WORLD_CLASSES


def test_unknown_band_counts_carry_no_specification_and_say_so():
    conversion = from_published(checkpoint(bands=5), 'x')
    assert conversion.spec is None
    assert 'input specification: none' in conversion.report()
    assert 'input_contract' not in mm_checkpoint(conversion, 'x')['meta']


def test_a_specification_that_the_encoders_contradict_is_an_error():
    theirs = published_checkpoint(
        to_published(mm_checkpoint(from_published(checkpoint(), 'x'), 'x'), 'x')
    )
    theirs['state_dict'] = checkpoint(bands=9)['state_dict']
    with pytest.raises(ConversionError, match=r"'s2': 13.*'s2': 9"):
        from_published(theirs, 'x')
