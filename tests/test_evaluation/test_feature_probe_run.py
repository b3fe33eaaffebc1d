import numpy as np
import pytest
import torch
from helpers.store_factory import write_dfc_store
from helpers.tiny_contrastive import grass_model
from mmengine.registry import DATASETS, MODELS, DefaultScope
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmss_plugins.evaluation.feature_probe import accuracies, knn_predict, ridge_predict
from mmss_plugins.evaluation.feature_probe_run import FeatureProbe, pooled_features, untouched


def image(index, size=32):
    generator = np.random.default_rng(index)
    return generator.normal(100 + 15 * (index % 3), 20, (size, size, 3)).astype(np.float32)


class Raw:
    """As the data sets over stores give it with an empty pipeline; classes 0, 1 and 5."""

    def __init__(self, start=0, stop=20, ignored=()):
        self.indices, self.ignored = range(start, stop), ignored

    def __len__(self):
        return len(self.indices)

    def label(self, index):
        return 255 if index in self.ignored else (0, 1, 5)[index % 3]

    def __getitem__(self, position):
        index = self.indices[position]
        labels = np.full((32, 32), self.label(index), np.uint8)
        labels[:, :10] = 3  # never the most
        return {'img': image(index), 'gt_seg_map': labels if labels[0, -1] != 255 else labels | 255}


class Packed(Raw):
    """As PackSegInputs leaves it."""

    def __getitem__(self, position):
        raw = super().__getitem__(position)
        label = torch.from_numpy(raw['gt_seg_map'])[None]
        return {
            'inputs': torch.from_numpy(raw['img'].transpose(2, 0, 1).copy()),
            'data_samples': SegDataSample(gt_sem_seg=PixelData(data=label)),
        }


class Unlabelled(Raw):
    def __getitem__(self, position):
        return {'img': image(position)}


@pytest.fixture(autouse=True)
def _registered():
    for kind in (Raw, Packed, Unlabelled):
        DATASETS.register_module(name=kind.__name__, module=kind, force=True)
    yield
    for kind in (Raw, Packed, Unlabelled):
        DATASETS.module_dict.pop(kind.__name__)
    DefaultScope._instance_dict.clear()


@pytest.fixture
def model():
    torch.manual_seed(0)
    model = MODELS.build(grass_model())
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # other than those of the batch
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.train()


def expected_features(model, indices):
    model.eval()
    with torch.no_grad():
        images = [torch.from_numpy(image(i).transpose(2, 0, 1).copy()) for i in indices]
        last = model.backbone((torch.stack(images) - 100) / 20)[-1]
    model.train()
    return last.sum(dim=(2, 3)) / last[0, 0].numel()


def test_features_are_pooled_in_evaluation_mode(model):
    images = torch.stack([torch.from_numpy(image(i).transpose(2, 0, 1)) for i in range(3)])
    with untouched(model), torch.no_grad():
        found = pooled_features(model, images)
    torch.testing.assert_close(found, expected_features(model, range(3)))


@pytest.mark.parametrize('kind', ['Raw', 'Packed'])
@pytest.mark.parametrize('options', [{'k': 4, 'temperature': 0.5}, {'k': 4, 'kind': 'linear'}])
def test_the_second_half_is_classified_by_the_first(model, kind, options):
    probe = FeatureProbe({'type': kind, 'ignored': (1, 12)}, batch_size=3, **options)
    found = probe(model)
    halves = [[i for i in part if i not in (1, 12)] for part in (range(10), range(10, 20))]
    features, queries = (expected_features(model, half) for half in halves)
    labels, wanted = (torch.tensor([(0, 1, 5)[i % 3] for i in half]) for half in halves)
    predicted = (
        ridge_predict(features, labels, queries, 6)
        if 'kind' in options
        else knn_predict(features, labels, queries, 6, 4, 0.5)
    )
    assert (found.accuracy, found.class_accuracy) == pytest.approx(accuracies(predicted, wanted))
    assert found.majority == pytest.approx(4 / 9)  # 10, 13, 16 and 19 of nine


def test_a_data_set_over_a_store_needs_no_pipeline(tmp_path):
    content = write_dfc_store(tmp_path / 'dfc.lmdb', ids=[f'p{i}' for i in range(6)])
    dataset = {'type': 'mmss_plugins.DFC2020Dataset', 'data_root': str(tmp_path / 'dfc.lmdb')}
    probe = FeatureProbe({**dataset, 'modality': 's2', 'image_dtype': 'uint8'}, k=3)
    scores = probe(MODELS.build(grass_model(13)))
    labels = [sample['label'][sample['label'] < 255] for sample in list(content.values())[3:]]
    classes = [np.bincount(label).argmax() for label in labels]
    assert scores.majority == pytest.approx(np.bincount(classes).max() / 3)
    assert round(scores.accuracy * 3, 6) in (0, 1, 2, 3)


def test_another_data_set_may_be_the_test(model):
    probe = FeatureProbe({'type': 'Raw'}, {'type': 'Raw', 'start': 3, 'stop': 9}, k=1)
    assert probe(model) == probe(model)
    assert probe(model).accuracy == 1  # each finds itself
    assert probe(model).majority == pytest.approx(1 / 3)


def test_samples_are_spread_over_the_data_set():
    probe = FeatureProbe({'type': 'Raw'}, max_samples=4, k=1)
    assert [list(indices) for _, indices in probe._parts] == [[2, 7], [12, 17]]


def test_modes_of_all_modules_come_back(model):
    model.backbone.layer1.eval()  # as a frozen stage
    modes = {name: module.training for name, module in model.named_modules()}
    statistics = model.backbone.layer2[0].bn1.running_mean.clone()
    FeatureProbe({'type': 'Raw'}, k=1)(model)
    assert {name: module.training for name, module in model.named_modules()} == modes
    assert torch.equal(model.backbone.layer2[0].bn1.running_mean, statistics)
    with pytest.raises(ZeroDivisionError), untouched(model):
        1 / model.training
    assert {name: module.training for name, module in model.named_modules()} == modes


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'kind': 'svm'}, "'svm'"),
        ({'max_samples': 1}, 'max_samples'),
        ({'batch_size': 0}, 'batch_size'),
        ({'k': 11}, 'has 10 patches to compare with, but k=11'),
    ],
)
def test_wrong_options_are_errors(options, message):
    with pytest.raises(ValueError, match=message):
        FeatureProbe({'type': 'Raw'}, **options)


def test_patches_without_labels_are_errors(model):
    with pytest.raises(ValueError, match=r"Unlabelled gives \['img'\]"):
        FeatureProbe({'type': 'Unlabelled'}, k=1)(model)
    with pytest.raises(ValueError, match=r'no patch .* of Raw has a label'):
        FeatureProbe({'type': 'Raw', 'ignored': range(10)}, k=1)(model)
