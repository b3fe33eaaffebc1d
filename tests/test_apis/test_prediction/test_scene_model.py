import copy

import pytest
import torch
from helpers.small_scenes import CLASSES, PALETTE, PixelModel, optical, radar, scene_model, spec
from helpers.tiny_segmentation import cross_modal_model
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmss_plugins.apis.prediction import RasterError, SceneModel
from mmss_plugins.checkpoints.files import CheckpointFileError
from mmss_plugins.checkpoints.spec.input_specification import (
    SPECIFICATION_KEY,
    InputSpecificationError,
)
from mmss_plugins.registry import MODELS

SEGMENTOR = {
    'type': 'EncoderDecoder',
    'data_preprocessor': {'type': 'mmss_plugins.MultiBandSegDataPreProcessor'},
    'backbone': {'type': 'ResNet', 'depth': 18, 'base_channels': 4, 'in_channels': 2,
                 'strides': (1, 1, 1, 1), 'num_stages': 4, 'out_indices': (0,)},
    'decode_head': {'type': 'FCNHead', 'in_channels': 4, 'channels': 4, 'num_classes': 3,
                    'in_index': 0, 'num_convs': 1, 'concat_input': False},
    'test_cfg': {'mode': 'whole'},
}  # fmt: skip
S2 = optical(['B4', 'B3'])


def save(folder, model, meta):
    """The config of a model, and its weights as a checkpoint."""
    cfg = Config({'model': model, 'default_scope': 'mmseg'})
    init_default_scope('mmseg')
    network = MODELS.build(copy.deepcopy(model))
    torch.save({'meta': meta, 'state_dict': network.state_dict()}, folder / 'best.pth')
    return cfg, folder / 'best.pth'


def meta(palette=PALETTE, classes=CLASSES, **entries):
    found = {SPECIFICATION_KEY: spec(**(entries or {'s2': S2})).to_dict()}
    return {**found, 'dataset_meta': {'classes': classes, 'palette': palette}}


def test_a_checkpoint_holds_everything(tmp_path):
    model = SceneModel.load(*save(tmp_path, SEGMENTOR, meta()))
    assert model.spec.modalities == {'s2': S2}
    with pytest.warns(DeprecationWarning, match=r'is now SceneModel\.spec'):
        assert model.contract is model.spec
    assert (model.classes, model.palette, model.name) == (CLASSES, PALETTE, 'best.pth')
    assert not model.model.training
    assert model.device == torch.device('cpu')
    inputs = torch.randn(2, 2, 32, 40)
    found = model.probabilities(inputs)
    assert (found.shape, found.dtype, found.requires_grad) == (
        (2, 3, 32, 40), torch.float32, False,
    )  # fmt: skip
    with torch.no_grad():
        logits = model.model.encode_decode(inputs, [{'img_shape': (32, 40)}] * 2)
    torch.testing.assert_close(found, logits.softmax(1))


def test_one_channel_is_two_classes(tmp_path):
    """MMSegmentation gives the sigmoid of it already."""
    torch.manual_seed(0)
    single = copy.deepcopy(SEGMENTOR)
    single['decode_head'].update(num_classes=2, out_channels=1, loss_decode={
        'type': 'CrossEntropyLoss', 'use_sigmoid': True})  # fmt: skip
    model = SceneModel.load(*save(tmp_path, single, meta()))
    assert len(model.classes) == 2
    inputs = torch.randn(2, 2, 32, 32)
    with torch.no_grad():
        head = model.model.decode_head.conv_seg
        logits = model.model.encode_decode(inputs, [{'img_shape': (32, 32)}] * 2)[:, 0]
        head.bias -= logits.median()  # so that both classes are there
        logits = logits - logits.median()
    expected = torch.stack([(-logits).sigmoid(), logits.sigmoid()], 1)
    torch.testing.assert_close(model.probabilities(inputs), expected, atol=1e-4, rtol=1e-4)
    assert expected.argmax(1).unique().tolist() == [0, 1]


def test_the_last_head_of_a_cascade_counts(tmp_path):
    cascade = copy.deepcopy(SEGMENTOR)
    head = cascade['decode_head']
    last = {
        'type': 'OCRHead', 'in_channels': 4, 'channels': 4, 'ocr_channels': 4, 'num_classes': 3,
        'in_index': 0,
    }  # fmt: skip
    cascade.update(type='CascadeEncoderDecoder', num_stages=2, decode_head=[head, last])
    model = SceneModel.load(*save(tmp_path, cascade, meta()))
    assert model.classes == CLASSES
    assert model.probabilities(torch.randn(1, 2, 32, 32)).shape == (1, 3, 32, 32)


@pytest.mark.parametrize(
    ('kept', 'classes', 'palette'),
    [
        (meta(), CLASSES, PALETTE),
        (meta(palette=None), CLASSES, None),
        (meta(palette=PALETTE[:2]), CLASSES, None),
        ({SPECIFICATION_KEY: {**spec(s2=S2).to_dict(), 'classes': []}}, None, None),
        ({**meta(), SPECIFICATION_KEY: {**spec(s2=S2).to_dict(), 'classes': []}}, CLASSES, PALETTE),
        ({**meta(), SPECIFICATION_KEY: {**spec(s2=S2).to_dict(), 'classes': ['a']}}, None, PALETTE),
    ],
)
def test_classes_and_colours(tmp_path, kept, classes, palette):
    model = SceneModel.load(*save(tmp_path, SEGMENTOR, kept))
    assert model.classes == (classes or ('class 0', 'class 1', 'class 2'))
    assert model.palette == palette


@pytest.mark.parametrize('predict', ['mean', 's1', 's2'])
def test_models_that_predict_from_one_modality_want_that_one(tmp_path, predict):
    model = cross_modal_model(test_cfg={'predict': predict})
    cfg, file = save(tmp_path, model, meta(s1=radar(), s2=optical()))
    found = SceneModel.load(cfg, file)
    assert list(found.spec.modalities) == (['s1', 's2'] if predict == 'mean' else [predict])
    channels = {'mean': 15, 's1': 2, 's2': 13}[predict]
    assert found.probabilities(torch.randn(1, channels, 32, 32)).shape == (1, 3, 32, 32)


def test_checkpoints_that_do_not_do(tmp_path):
    cfg, file = save(tmp_path, SEGMENTOR, {})
    with pytest.raises(RasterError, match=r"best\.pth: expected an input specification in "
                       "'meta', .* "
                       'but there is none: train with InputSpecificationHook'):  # fmt: skip
        SceneModel.load(cfg, file)
    cfg, file = save(tmp_path, SEGMENTOR, {SPECIFICATION_KEY: {'format': 9}})
    with pytest.raises(
        InputSpecificationError, match=r'best\.pth: expected .* specification of format'
    ):
        SceneModel.load(cfg, file)
    cfg, file = save(tmp_path, SEGMENTOR, meta())
    cfg.model.decode_head.num_classes = 4
    with pytest.raises(CheckpointFileError, match=r'best\.pth does not hold the model'):
        SceneModel.load(cfg, file)
    with pytest.raises(CheckpointFileError, match=r'no\.pth: no such file'):
        SceneModel.load(cfg, tmp_path / 'no.pth')
    cfg, file = save(tmp_path, SEGMENTOR['decode_head'], meta())
    with pytest.raises(RasterError, match=r'best\.pth: expected a segmentor, but .* is FCNHead'):
        SceneModel.load(cfg, file)


def test_mixed_precision_is_an_option():
    seen = []

    class Watched(PixelModel):
        def logits(self, inputs):
            seen.append((torch.is_autocast_enabled('cpu'), torch.is_inference_mode_enabled()))
            return super().logits(inputs).bfloat16()

    for amp in (False, True):
        model = scene_model(Watched(2), s2=S2)
        model.amp = amp
        assert model.probabilities(torch.ones(1, 2, 4, 4)).dtype == torch.float32
    assert seen == [(False, True), (True, True)]


def test_values_that_are_not_finite_are_refused():
    model = scene_model(PixelModel(2), s2=S2)
    inputs = torch.zeros(1, 2, 4, 4)
    assert model.probabilities(inputs).sum() == pytest.approx(16)
    inputs[0, 1, 2, 3] = float('inf')
    with pytest.raises(FloatingPointError, match=r'best\.pth gives values that are not finite'):
        model.probabilities(inputs)


def test_flips_are_averaged(tmp_path):
    torch.manual_seed(0)
    model = SceneModel.load(*save(tmp_path, SEGMENTOR, meta()))
    inputs = torch.randn(2, 2, 32, 40)
    single = model.probabilities
    expected = [
        single(inputs),
        single(inputs.flip(-1)).flip(-1),
        single(inputs.flip(-2)).flip(-2),
        single(inputs.flip(-1).flip(-2)).flip(-2).flip(-1),
    ]
    assert (expected[0] - expected[1]).abs().max() > 1e-4, 'the network sees the difference'
    model.flips = True
    torch.testing.assert_close(model.probabilities(inputs), torch.stack(expected).mean(0))
    model.flips = False
    assert torch.equal(model.probabilities(inputs), expected[0])
