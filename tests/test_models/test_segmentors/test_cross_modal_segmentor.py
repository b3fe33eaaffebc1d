import itertools
from types import SimpleNamespace

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models.segmentors import EncoderDecoder
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mmss_plugins.functional import consistency_loss, soft_cross_entropy, soft_dice_loss
from mmss_plugins.models.segmentors.targets import PixelWeights, SegTargets

BANDS = {'s1': 2, 's2': 13, 'dem': 1}
CLASSES = 4


def build(modalities=('s1', 's2'), **kwargs):
    torch.manual_seed(0)
    backbone = {'type': 'mmss_plugins.StemResNet', 'depth': 18, 'base_channels': 4}
    cfg = {
        'type': 'mmss_plugins.CrossModalSegmentor',
        'backbones': {name: {**backbone, 'in_channels': BANDS[name]} for name in modalities},
        'decode_head': {
            'type': 'mmss_plugins.UNetHead',
            'in_channels': (64, 4, 8, 16, 32),
            'decoder_channels': (8, 8, 8, 8, 4),
            'num_classes': CLASSES,
        },
        'consistency': {'type': 'mmss_plugins.ConsistencyLoss'},
        **kwargs,
    }
    model = MODELS.build(cfg)
    model.init_weights()
    return model


def batch(modalities=('s1', 's2'), size=32, ignore=True, **metainfo):
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(2, sum(BANDS[m] for m in modalities), size, size, generator=generator)
    labels = torch.randint(0, CLASSES, (2, 1, size, size), generator=generator)
    if ignore:
        labels[0, :, :5] = 255
    meta = {'ori_shape': (size, size), 'img_shape': (size, size), **metainfo}
    samples = [SegDataSample(metainfo=meta, gt_sem_seg=PixelData(data=label)) for label in labels]
    return inputs, samples, labels[:, 0]


def test_input_channels_reach_their_backbones_in_order():
    model = build().eval()
    inputs, _, _ = batch()
    features = model.extract_feat(inputs)
    for name, part in (('s1', inputs[:, :2]), ('s2', inputs[:, 2:])):
        expected = model.backbones[name](part)
        for found, wanted in zip(features[name], expected, strict=True):
            torch.testing.assert_close(found, wanted, rtol=0, atol=0)
    logits = model(inputs)
    assert list(logits) == ['s1', 's2']
    torch.testing.assert_close(logits['s2'], model.decode_heads.shared(features['s2']))


@pytest.mark.parametrize(('fusion', 'heads'), [('mid', ['shared']), ('late', ['s1', 's2'])])
def test_fusion_decides_on_the_heads(fusion, heads):
    model = build(fusion=fusion).eval()
    assert list(model.decode_heads) == heads
    prefixes = {'.'.join(name.split('.')[:2]) for name, _ in model.named_parameters()}
    assert prefixes == {'backbones.s1', 'backbones.s2', *(f'decode_heads.{h}' for h in heads)}
    inputs, _, _ = batch()
    with torch.no_grad():
        before = model(inputs)
        head = model.decode_heads[heads[-1]]
        head.conv_seg.bias += 1
        after = model(inputs)
    assert not torch.equal(before['s2'], after['s2'])
    assert torch.equal(before['s1'], after['s1']) == (fusion == 'late')


def test_init_weights_reaches_backbones_and_heads():
    model = build(fusion='late')
    for backbone in model.backbones.values():
        assert backbone.layer1[0].bn2.weight.eq(0).all()  # ResNet's zero_init_residual
    for head in model.decode_heads.values():
        assert head.conv_seg.bias.eq(0).all()


@pytest.mark.parametrize('modalities', [('s2',), ('s1', 's2'), ('s1', 's2', 'dem')])
@pytest.mark.parametrize('kind', ['ce', 'mse'])
def test_losses_are_those_of_the_method(modalities, kind):
    consistency = {'type': 'mmss_plugins.ConsistencyLoss', 'kind': kind, 'loss_weight': 0.5}
    model = build(modalities, consistency=consistency)
    inputs, samples, labels = batch(modalities)
    losses = model(inputs, samples, mode='loss')
    logits = model(inputs)  # train mode: batch statistics, the same again
    expected = {}
    for student in modalities:
        expected[f'{student}.loss_ce'] = soft_cross_entropy(logits[student], labels)
        expected[f'{student}.loss_dice'] = soft_dice_loss(logits[student], labels)
        teachers = [name for name in modalities if name != student]
        if teachers:
            pairs = [
                consistency_loss(logits[student], logits[t], kind=kind, valid=labels != 255)
                for t in teachers
            ]
            expected[f'{student}.loss_consistency'] = 0.5 * sum(pairs) / len(pairs)
        right = (logits[student].argmax(1) == labels)[labels != 255].float().mean()
        expected[f'{student}.acc_seg'] = 100 * right
    if len(modalities) > 1:
        classes = [logits[name].argmax(1)[labels != 255] for name in modalities]
        pairs = [(a == b).float().mean() for a, b in itertools.combinations(classes, 2)]
        expected['agreement'] = 100 * sum(pairs) / len(pairs)
    assert set(losses) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(losses[name], value, msg=name)
    total, _ = model.parse_losses(losses)
    torch.testing.assert_close(total, sum(v for k, v in expected.items() if 'loss' in k))


def test_selection_that_selects_everything_is_none():
    inputs, samples, _ = batch()
    plain = build()(inputs, samples, mode='loss')
    model = build(selection={'class_balance': False})
    model.selection.set_schedule(0.0, 0.5)
    for name, value in model(inputs, samples, mode='loss').items():
        assert torch.equal(value, plain[name]), name
    model.selection.set_schedule(1.0, 0.5)
    assert not torch.equal(model(inputs, samples, mode='loss')['s1.loss_ce'], plain['s1.loss_ce'])


def test_selection_without_a_schedule_is_an_error_in_training_only():
    model = build(selection={})
    inputs, samples, _ = batch()
    with pytest.raises(RuntimeError, match='CrossModalSelectionHook'):
        model(inputs, samples, mode='loss')
    model.eval()(inputs, samples, mode='predict')


def test_logits_that_are_not_finite_name_the_sample():
    model = build(selection={})
    inputs, samples, _ = batch(sample_id='0000042')
    inputs[1, 3] = float('nan')
    model.eval()
    with pytest.raises(FloatingPointError, match=r'finite: s2 \(samples 0000042\)'):
        model.loss(inputs, samples)
    model.train()  # batch statistics carry it to the other sample
    with pytest.raises(FloatingPointError, match='inputs of the samples 0000042 hold'):
        model.loss(inputs, samples)


def test_labels_that_are_no_class_name_the_sample():
    model = build()
    inputs, samples, _ = batch(sample_id='0000042')
    samples[1].gt_sem_seg.data[0, 2, 3] = 77
    with pytest.raises(ValueError, match=r'found \[77\] in the samples 0000042'):
        model.loss(inputs, samples)


def test_every_parameter_gets_a_gradient():
    model = build(fusion='late')
    inputs, samples, _ = batch()
    model.parse_losses(model(inputs, samples, mode='loss'))[0].backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_consistency_teaches_the_student_only():
    model = build(fusion='late', losses=[])
    inputs, samples, _ = batch()
    model(inputs, samples, mode='loss')['s1.loss_consistency'].backward()
    assert model.backbones.s1.conv1.weight.grad.abs().sum() > 0
    assert model.backbones.s2.conv1.weight.grad is None


def test_a_batch_of_ignored_pixels_only_gives_zero():
    model = build()
    inputs, samples, _ = batch()
    for sample in samples:
        sample.gt_sem_seg.data.fill_(255)
    losses = model(inputs, samples, mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()
    assert total.item() == 0
    assert all(v.isfinite().all() for v in losses.values())
    assert all(p.grad.eq(0).all() for p in model.parameters())


def test_without_consistency_and_with_other_losses():
    losses = [
        {'type': 'mmss_plugins.SoftCrossEntropyLoss', 'loss_weight': 0.25},
        {'type': 'mmseg.CrossEntropyLoss', 'loss_weight': 0.75, 'avg_non_ignore': True},
    ]
    model = build(consistency=None, losses=losses)
    inputs, samples, labels = batch()
    found = model(inputs, samples, mode='loss')
    assert {name for name in found if 'loss' in name} == {'s1.loss_ce', 's2.loss_ce'}
    # two losses of one name are added up
    torch.testing.assert_close(found['s1.loss_ce'], soft_cross_entropy(model(inputs)['s1'], labels))


def test_soft_targets_and_weights_reach_the_losses():
    model = build()
    inputs, _, labels = batch()
    logits = model(inputs)
    soft, ignored = torch.rand(2, CLASSES, 32, 32), labels == 255
    own = {name: torch.rand(2, 32, 32) for name in logits}
    teaching = {name: torch.rand(2, 32, 32) for name in logits}
    losses = model.compute_losses(logits, SegTargets(soft, ignored), PixelWeights(own, teaching))
    for student, teacher in (('s1', 's2'), ('s2', 's1')):
        expected = {
            'loss_ce': soft_cross_entropy(logits[student], soft, own[student], ignored),
            'loss_dice': soft_dice_loss(logits[student], soft, own[student], ignored),
            'loss_consistency': consistency_loss(
                logits[student], logits[teacher], teaching[teacher], valid=~ignored
            ),
        }
        for name, value in expected.items():
            torch.testing.assert_close(losses[f'{student}.{name}'], value)


def test_losses_run_in_float32_under_autocast():
    model = build()
    inputs, samples, _ = batch()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = model(inputs, samples, mode='loss')
        assert model(inputs)['s1'].dtype == torch.bfloat16
    assert all(v.dtype == torch.float32 and v.isfinite() for v in losses.values())


@pytest.mark.parametrize('mode', ['loss', 'predict', 'tensor'])
def test_a_wrong_number_of_channels_shows_both_sides(mode):
    model = build()
    inputs, samples, _ = batch()
    with pytest.raises(ValueError, match=r'14 channels.* 2 \(s1\) \+ 13 \(s2\) = 15'):
        model(inputs[:, :14], samples, mode=mode)


def test_channels_are_found_without_a_config_entry():
    backbones = {'rgb': {'type': 'mmss_plugins.StemResNet', 'depth': 18, 'base_channels': 4}}
    assert build(backbones=backbones).channels == {'rgb': 3}


@pytest.mark.parametrize('predict', ['mean', 's1', 's2'])
def test_prediction_serves_each_modality_and_their_mean(predict):
    model = build(fusion='late', test_cfg={'predict': predict}).eval()
    inputs, samples, _ = batch()
    with torch.no_grad():
        logits = model(inputs)
        predictions = model(inputs, samples, mode='predict')
    probabilities = {name: z.softmax(1) for name, z in logits.items()}
    probabilities['mean'] = (probabilities['s1'] + probabilities['s2']) / 2
    for index, sample in enumerate(predictions):
        torch.testing.assert_close(
            sample.seg_logits.data.softmax(0), probabilities[predict][index], atol=1e-6, rtol=1e-5
        )
        names = {'pred_sem_seg': predict, 'pred_sem_seg_s1': 's1', 'pred_sem_seg_s2': 's2'}
        for field, name in names.items():
            expected = probabilities[name][index].argmax(0, keepdim=True)
            assert torch.equal(sample.get(field).data, expected)
        assert sample is samples[index]
    torch.testing.assert_close(
        model.encode_decode(inputs, []).softmax(1), probabilities[predict], atol=1e-6, rtol=1e-5
    )


def test_prediction_from_one_modality_alone():
    model = build(test_cfg={'predict': 's2'}).eval()
    inputs, samples, _ = batch()
    both = model(inputs, samples, mode='predict')[0].pred_sem_seg.data.clone()
    alone = model(inputs[:, 2:], mode='predict')[0]
    assert torch.equal(alone.pred_sem_seg.data, both)
    assert 'pred_sem_seg_s1' not in alone
    with pytest.raises(ValueError, match='2 channels'):
        model(inputs[:, :2], mode='predict')
    model.train()
    with pytest.raises(ValueError, match='13 channels'):
        model(inputs[:, 2:], samples, mode='loss')


@pytest.mark.parametrize(
    ('flip', 'padding'),
    itertools.product([None, 'horizontal', 'vertical'], [(0, 0, 0, 0), (3, 5, 2, 6)]),
)
def test_padding_flip_and_size_are_undone_as_in_mmseg(flip, padding):
    model = build(test_cfg={'predict': 's1'}).eval()
    meta = {'ori_shape': (40, 50), 'padding_size': padding, 'flip': flip is not None}
    inputs, samples, _ = batch(**meta, flip_direction=flip)
    with torch.no_grad():
        logits = model(inputs)['s1']
        predictions = model(inputs, samples, mode='predict')
    _, expected, _ = batch(**meta, flip_direction=flip)
    EncoderDecoder.postprocess_result(model, logits, expected)
    for found, wanted in zip(predictions, expected, strict=True):
        torch.testing.assert_close(found.seg_logits.data, wanted.seg_logits.data)
        assert torch.equal(found.pred_sem_seg.data, wanted.pred_sem_seg.data)
        assert torch.equal(found.pred_sem_seg_s1.data, wanted.pred_sem_seg.data)


@pytest.mark.parametrize('predict', ['s1', 'mean'])
@pytest.mark.parametrize(('crop', 'stride'), [((32, 32), (32, 16)), ((32, 64), (20, 7))])
def test_sliding_windows_are_those_of_mmseg(predict, crop, stride):
    options = {'mode': 'slide', 'crop_size': crop, 'stride': stride}
    model = build(test_cfg={'predict': predict, **options}).eval()
    inputs, samples, _ = batch(size=96)
    inputs, size = inputs[..., :80], (96, 80)
    for sample in samples:
        sample.set_metainfo({'ori_shape': size, 'img_shape': size})
    theirs = SimpleNamespace(test_cfg=SimpleNamespace(**options), out_channels=CLASSES)
    expected = {}
    with torch.no_grad():
        for name in ('s1', 's2'):
            theirs.encode_decode = lambda window, _metas, name=name: model(window)[name]
            expected[name] = EncoderDecoder.slide_inference(theirs, inputs, [{}])
        whole = model(inputs)['s1']
        found = model(inputs, samples, mode='predict')
    assert not torch.allclose(whole, expected['s1'], atol=1e-3)
    probabilities = {name: logits.softmax(1) for name, logits in expected.items()}
    probabilities['mean'] = (probabilities['s1'] + probabilities['s2']) / 2
    for index, sample in enumerate(found):
        answer = sample.seg_logits.data.softmax(0)
        torch.testing.assert_close(answer, probabilities[predict][index], atol=1e-5, rtol=1e-4)
        by_branch = sample.pred_sem_seg_s2.data[0] == expected['s2'][index].argmax(0)
        assert by_branch.float().mean() > 0.999


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'predct': 's2'}, r"option 'predct' .* did you mean 'predict'"),
        ({'mode': 'slided'}, r"mode must be one of .* got 'slided'"),
        ({'mode': 'slide'}, r'crop_size must be \(height, width\)'),
        ({'mode': 'slide', 'crop_size': (32, 32)}, 'stride must be'),
        ({'mode': 'slide', 'crop_size': 32, 'stride': (8, 8)}, 'crop_size must be'),
        ({'mode': 'slide', 'crop_size': (32, 32), 'stride': (8, 33)}, 'must not exceed crop_size'),
    ],
)
def test_options_of_the_test_that_nothing_reads_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        build(test_cfg=options)


def test_the_model_reads_no_other_options():
    build(train_cfg={}, pretrained=None)
    for options in ({'train_cfg': {'a': 1}}, {'pretrained': 'x.pth'}):
        with pytest.raises(ValueError, match='reads neither train_cfg nor pretrained'):
            build(**options)


def test_validation_loss_is_the_loss_on_the_labels_as_they_are():
    model = build(test_cfg={'val_loss': True}).eval()
    model.make_targets = model.make_weights = None  # smoothing and selection are for training
    inputs, samples, labels = batch()
    with torch.no_grad():
        logits = model(inputs)
        predictions = model(inputs, samples, mode='predict')
    expected = sum(
        soft_cross_entropy(logits[a], labels)
        + soft_dice_loss(logits[a], labels)
        + consistency_loss(logits[a], logits[b], valid=labels != 255)
        for a, b in (('s1', 's2'), ('s2', 's1'))
    )
    assert [p.val_loss for p in predictions] == pytest.approx([expected.item()] * 2, rel=1e-5)
    assert predictions[0].to_dict()['val_loss'] == predictions[0].val_loss


def test_validation_loss_of_samples_of_different_sizes():
    model = build(
        test_cfg={'val_loss': True}, losses=[{'type': 'mmss_plugins.SoftCrossEntropyLoss'}]
    )
    model.eval()
    inputs, samples, _ = batch()
    samples[1].set_metainfo({'padding_size': (0, 12, 0, 8), 'ori_shape': (24, 20)})
    samples[1].gt_sem_seg = PixelData(data=samples[1].gt_sem_seg.data[:, :24, :20])
    with torch.no_grad():
        logits = model(inputs)
        found = model(inputs, samples, mode='predict')[0].val_loss
    logits = {
        name: torch.cat((z[0].flatten(1), z[1, :, :24, :20].flatten(1)), 1)[None, :, None]
        for name, z in logits.items()
    }
    labels = torch.cat([s.gt_sem_seg.data.flatten() for s in samples])[None, None]
    expected = sum(
        soft_cross_entropy(logits[a], labels)
        + consistency_loss(logits[a], logits[b], valid=labels != 255)
        for a, b in (('s1', 's2'), ('s2', 's1'))
    )
    assert found == pytest.approx(expected.item(), rel=1e-5)


def test_validation_loss_only_where_asked_for_and_possible():
    inputs, samples, _ = batch()
    assert 'val_loss' not in build().eval()(inputs, samples, mode='predict')[0]
    model = build(test_cfg={'val_loss': True, 'predict': 's2'}).eval()
    assert 'val_loss' not in model(inputs, mode='predict')[0]
    with pytest.raises(ValueError, match=r"\('s1', 's2'\).*\('s2',\) only"):
        model(inputs[:, 2:], samples, mode='predict')


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [({'fusion': 'early'}, "'early'"), ({'test_cfg': {'predict': 's3'}}, "'s3'")],
)
def test_unknown_settings_are_errors(kwargs, message):
    with pytest.raises(ValueError, match=message):
        build(**kwargs)


def test_logits_of_a_coarse_head_are_brought_to_the_input_size():
    head = {'type': 'mmseg.FCNHead', 'in_channels': 32, 'channels': 8, 'num_classes': CLASSES}
    model = build(decode_head=head).eval()
    assert model(batch()[0])['s1'].shape == (2, CLASSES, 32, 32)
