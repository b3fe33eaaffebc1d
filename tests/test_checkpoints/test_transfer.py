import pytest
import torch

from mmss_plugins.checkpoints.transfer.report import (
    TransferError,
    fitting_prefixes,
    likely_reasons,
    transfer_report,
    with_dot,
)


def state(**shapes):
    return {name.replace('__', '.'): torch.randn(shape) for name, shape in shapes.items()}


@pytest.fixture
def module():
    tensors = state(
        conv1__weight=(4, 2, 7, 7), bn1__weight=(4,), layer1__conv1__weight=(4, 4, 3, 3)
    )
    return tensors | {'bn1.num_batches_tracked': torch.tensor(3)}


def prefixed(tensors, prefix):
    return {prefix + name: tensor.clone() for name, tensor in tensors.items()}


@pytest.mark.parametrize('prefix', ['backbones.s2', 'backbones.s2.', ''])
@pytest.mark.parametrize('compare_values', [False, True])
def test_complete(module, prefix, compare_values):
    checkpoint = prefixed(module, with_dot(prefix)) | state(other__weight=(1,))
    report = transfer_report(module, checkpoint, prefix, compare_values)
    assert report.complete
    assert report.fraction == 1
    assert report.loaded == tuple(module)
    assert report.unused == (() if prefix else ('other.weight',))
    assert '4 of 4 tensors loaded' in str(report)
    assert likely_reasons(report, module, checkpoint) == []


def test_each_kind_of_shortfall_is_told(module):
    checkpoint = prefixed(module, 'b.')
    del checkpoint['b.bn1.weight']
    checkpoint['b.conv1.weight'] = torch.zeros(4, 13, 7, 7)
    checkpoint['b.layer1.conv1.weight'] += 1e-3
    checkpoint['b.fc.weight'] = torch.zeros(2)
    report = transfer_report(module, checkpoint, 'b', compare_values=True)
    assert report.loaded == ('bn1.num_batches_tracked',)
    assert report.missing == ('bn1.weight',)
    assert report.mismatched == {'conv1.weight': ((4, 2, 7, 7), (4, 13, 7, 7))}
    assert report.different == ('layer1.conv1.weight',)
    assert report.unused == ('fc.weight',)
    assert not report.complete
    assert report.fraction == 0.25
    text = str(report)
    assert '1 of 4 tensors loaded (prefix b.)' in text
    assert 'conv1.weight: (4, 2, 7, 7) here, (4, 13, 7, 7) in the checkpoint' in text
    for name in ('bn1.weight', 'layer1.conv1.weight', 'fc.weight'):
        assert f'    {name}' in text


@pytest.mark.parametrize('spoil', ['missing', 'mismatched', 'different'])
def test_any_one_tensor_short_is_incomplete(module, spoil):
    checkpoint = prefixed(module, '')
    if spoil == 'missing':
        del checkpoint['bn1.weight']
    else:
        size = 5 if spoil == 'mismatched' else 4
        checkpoint['bn1.weight'] = torch.zeros(size)
    assert not transfer_report(module, checkpoint, compare_values=True).complete


def test_missing_step_counters_do_not_matter(module):
    checkpoint = prefixed(module, '')
    del checkpoint['bn1.num_batches_tracked']
    report = transfer_report(module, checkpoint)
    assert report.missing == ('bn1.num_batches_tracked',)
    assert report.complete
    assert report.fraction == 0.75


def test_values_are_compared_in_the_precision_of_the_module(module):
    checkpoint = prefixed({k: v.half() if v.ndim else v for k, v in module.items()}, '')
    assert not transfer_report(module, checkpoint, compare_values=True).complete
    module = {k: v.half().float() if v.ndim else v for k, v in module.items()}
    assert transfer_report(module, checkpoint, compare_values=True).complete


@pytest.mark.parametrize('other', ['net.backbones.s2.', 'backbones.s22.', 'backbones.s1.'])
def test_only_names_that_begin_with_the_prefix_count(module, other):
    report = transfer_report(module, prefixed(module, other), 'backbones.s2')
    assert report.loaded == ()
    assert report.unused == ()
    assert report.missing == tuple(module)


def test_long_lists_are_cut_with_their_length():
    module = state(**{f'w{i}': (1,) for i in range(30)})
    text = str(transfer_report(module, {}, 'x'))
    assert '30 not in the checkpoint' in text
    assert '... and 22 more' in text


def test_fitting_prefixes_most_tensors_first(module):
    checkpoint = prefixed(module, 'backbones.s2.') | prefixed(module, 'backbones.s1.')
    del checkpoint['backbones.s1.bn1.weight']
    found = fitting_prefixes(module, checkpoint)
    assert found[:2] == [('backbones.s2.', 4), ('backbones.s1.', 3)]
    assert fitting_prefixes(module, {'x': 0}) == []


def reasons(module, checkpoint, prefix='', **kwargs):
    report = transfer_report(module, checkpoint, prefix, **kwargs)
    return '\n'.join(likely_reasons(report, module, checkpoint))


def test_wrong_prefix_lists_those_that_fit(module):
    text = reasons(module, prefixed(module, 'backbones.s2.'), 'backbone')
    assert "wrong prefix 'backbone.'" in text
    assert 'backbones.s2. (4 of 4 names)' in text
    assert "wrong prefix 'none'" in reasons(module, prefixed(module, 'backbones.s2.'))


def test_wrong_band_count(module):
    checkpoint = prefixed(module, '') | {'conv1.weight': torch.zeros(4, 13, 7, 7)}
    text = reasons(module, checkpoint)
    assert 'other band count: conv1.weight takes 2 channels here and 13' in text
    assert 'in_channels=13' in text
    assert 'prefix' not in text.replace("modality's prefix", '')


def test_wrong_stem_on_either_side(module):
    deep = {k: v for k, v in module.items() if k.startswith('layer')} | state(
        stem__0__weight=(2, 2)
    )
    assert 'ResNetV1c or V1d) here' in reasons(deep, module)
    assert 'ResNetV1c or V1d) in the checkpoint' in reasons(module, deep)


def test_other_reasons(module):
    assert "begin with ['head.fc', 'x']" in reasons(module, state(head__fc__bias=(1,), x=(1,)))
    changed = {name: tensor + 1 for name, tensor in module.items()}
    assert 'after they had been loaded' in reasons(module, changed, compare_values=True)
    less = {name: tensor for name, tensor in module.items() if name != 'layer1.conv1.weight'}
    assert 'another architecture' in reasons(module, less)


@pytest.mark.parametrize('dtype', [torch.int8, torch.bool, torch.complex64])
def test_weights_are_floating_point_numbers(module, dtype):
    checkpoint = module | {'conv1.weight': module['conv1.weight'].to(dtype)}
    with pytest.raises(TransferError, match=rf'conv1\.weight: expected weights.* has {dtype}'):
        transfer_report(module, checkpoint)
    halves = {name: tensor.half() for name, tensor in module.items()}  # the step counter, too
    assert transfer_report(module, halves).complete
