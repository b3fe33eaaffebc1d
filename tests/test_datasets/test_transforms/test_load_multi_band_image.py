"""MMSegmentation's own inference API works with our configs, on files and arrays of many bands."""

import numpy as np
import pytest
import torch
from helpers.config_files import CONFIGS, FINETUNE, load
from helpers.config_runs import narrow
from helpers.store_factory import write_aerial_store, write_dfc_store
from mmengine.config import Config
from mmengine.registry import TRANSFORMS, DefaultScope, init_default_scope
from mmengine.runner import save_checkpoint
from mmseg.apis import MMSegInferencer, inference_model, init_model

import mmss_plugins.models  # noqa: F401
from mmss_plugins.apis.inferencer import MultiBandSegInferencer
from mmss_plugins.bands import S1, S2
from mmss_plugins.cli.inference_settings import set_inference_settings
from mmss_plugins.datasets import DFC2020Dataset, PotsdamDataset
from mmss_plugins.datasets.transforms import LoadMultiBandImage

rasterio = pytest.importorskip('rasterio')
SIZE = 64


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope('mmseg')
    yield
    DefaultScope._instance_dict.clear()


@pytest.fixture(scope='module')
def stores(tmp_path_factory):
    """A store of Sentinel patches and one of aerial ones; the content of the first."""
    root = tmp_path_factory.mktemp('stores')
    content = write_dfc_store(root / 'dfc.lmdb', ids=['p0', 'p1'], size=SIZE)
    write_aerial_store(root / 'potsdam.lmdb', PotsdamDataset, ['2_10-0000-0000'], size=SIZE)
    return root, content


def write_tiff(path, planes, names=None):
    profile = {'driver': 'GTiff', 'width': SIZE, 'height': SIZE, 'count': len(planes),
               'dtype': planes.dtype, 'crs': 'EPSG:32633',
               'transform': rasterio.transform.from_origin(5e5, 5e6, 10, 10)}  # fmt: skip
    with rasterio.open(path, 'w', **profile) as file:
        file.write(planes)
        file.descriptions = names or [None] * len(planes)
    return str(path)


def sample(content, modality):
    parts = [content['p0'][name] for name in ('s1', 's2') if name in {
        's1': 's1', 's2': 's2', 's12': ('s1', 's2')}[modality]]  # fmt: skip
    return np.concatenate([part.astype(np.float32) for part in parts])


CASES = [
    ('s2', None, 'clip8'),
    ('s2', 9, 'clip8'),
    ('s2', 'rgb9', 'standardise'),
    ('s1', None, 'clip8'),
    ('s1', None, 'standardise'),
    ('s12', 9, 'clip8'),
    ('s12', None, None),
]


@pytest.mark.parametrize(('modality', 'bands', 'normalize'), CASES)
@pytest.mark.parametrize('source', ['array', 'file', 'named file', 'shuffled file', 'chosen'])
def test_it_gives_what_the_data_set_gives(stores, tmp_path, modality, bands, normalize, source):
    root, content = stores
    settings = {'modality': modality, 'bands': bands, 'normalize': normalize}
    dataset = DFC2020Dataset(root / 'dfc.lmdb', **settings)
    planes = sample(content, modality)
    names = [*S1.bands, *(f'B{b[1:]:0>2}' for b in S2.bands)]
    names = {'s1': names[:2], 's2': names[2:], 's12': names}[modality]
    full = {'s1': S1.bands, 's2': S2.bands, 's12': (*S1.bands, *S2.bands)}[modality]
    if source == 'shuffled file':
        order = np.random.default_rng(0).permutation(len(planes))
        planes, names = planes[order], [names[i] for i in order]
    if source == 'chosen':
        planes = planes[[full.index(channel.partition('.')[2]) for channel in dataset.channels]]
    named = names if source in ('named file', 'shuffled file') else None
    image = planes.transpose(1, 2, 0)
    if 'file' in source:
        image = write_tiff(tmp_path / 'scene.tif', planes, named)
    found = LoadMultiBandImage(**settings)(image)
    expected = dataset[0]
    np.testing.assert_array_equal(found['img'], expected['img'])
    assert found['channels'] == expected['channels']
    assert found['ori_shape'] == found['img_shape'] == (SIZE, SIZE)


def test_samples_of_data_sets_pass(stores):
    root, _ = stores
    step = {'type': 'LoadImageFromFile', '_scope_': 'mmss_plugins', 'modality': 's1'}
    plain = DFC2020Dataset(root / 'dfc.lmdb', modality='s2')[0]
    passed = DFC2020Dataset(root / 'dfc.lmdb', modality='s2', pipeline=[step])[0]
    np.testing.assert_array_equal(passed['img'], plain['img'])


def test_aerial_images_and_arrays(stores, tmp_path):
    import cv2

    root, _ = stores
    expected = PotsdamDataset(root / 'potsdam.lmdb')[0]['img']
    loader = LoadMultiBandImage('aerial', 'RGB')
    cv2.imwrite(str(tmp_path / 'a.png'), expected[..., ::-1])
    for image in (
        expected,
        str(tmp_path / 'a.png'),
        write_tiff(tmp_path / 'a.tif', expected.transpose(2, 0, 1), ['red', 'green', 'blue']),
        write_tiff(tmp_path / 'b.tif', expected[..., ::-1].transpose(2, 0, 1), ['B', 'G', 'R']),
    ):
        np.testing.assert_array_equal(loader(image)['img'], expected)
    with pytest.raises(ValueError, match='expected 8-bit values, but found uint16'):
        loader(expected.astype(np.uint16))


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda planes: planes / 10000, 'multiply them by 10000'),
        (lambda planes: planes[:12], 'expected 13 bands, for the network takes s2.B1'),
        (lambda planes: np.where(planes > planes.max() - 1, np.nan, planes), 'NaN or infinite'),
        (lambda planes: planes[:, 0, 0], 'the shape'),
    ],
)
def test_what_the_network_does_not_take_is_refused(stores, change, message):
    planes = sample(stores[1], 's2')
    loader = LoadMultiBandImage('s2')
    with pytest.raises(ValueError, match=message):
        loader(np.moveaxis(change(planes), 0, -1))


def test_files_that_name_other_bands_or_miss_data_are_refused(stores, tmp_path):
    planes = sample(stores[1], 's1')
    path = write_tiff(tmp_path / 'other.tif', planes, ['HH', 'HV'])
    with pytest.raises(ValueError, match='VV, VH are not among'):
        LoadMultiBandImage('s1')(path)
    planes[0, 3, 4] = np.nan
    with pytest.raises(ValueError, match=r'1 pixels have no data: mmss predict'):
        LoadMultiBandImage('s1')(write_tiff(tmp_path / 'nan.tif', planes))
    with pytest.raises(ValueError, match='missing file'):
        LoadMultiBandImage('s1')(str(tmp_path / 'gone.tif'))
    with pytest.raises(ValueError, match=r'does not say which bands .* mmss predict'):
        LoadMultiBandImage()(planes.transpose(1, 2, 0))
    with pytest.raises(ValueError, match='modality must be one of'):
        LoadMultiBandImage('s3')


def tiny(name):
    cfg = narrow(load(name))
    cfg.visualizer.vis_backends = []
    return cfg


API_CASES = {
    'finetune/pspnet_r18_mini_dfc2020-s2.py': 's2',
    'finetune/pspnet_r18-dual_mini_dfc2020-s12.py': 's12',
    'finetune/upernet_satmae-tiny_mini_dfc2020-s2.py': 's2',
    'cromss/cromss_mid_r18_13b_mini.py': 's12',
    'finetune/pspnet_r18_mini_potsdam.py': 'aerial',
}


@pytest.mark.parametrize('name', API_CASES)
def test_mmsegmentation_s_api(stores, tmp_path, name):
    """The prediction is that of the model on the data set's own sample."""
    root, content = stores
    modality, cfg = API_CASES[name], tiny(name)
    torch.manual_seed(0)
    model = init_model(Config(cfg.to_dict()), device='cpu')
    checkpoint = str(tmp_path / 'model.pth')
    classes = model.num_classes
    meta = {'dataset_meta': {'classes': [str(i) for i in range(classes)],
                             'palette': [[9 * i] * 3 for i in range(classes)]}}  # fmt: skip
    save_checkpoint({'state_dict': model.state_dict(), 'meta': meta}, checkpoint)
    if modality == 'aerial':
        dataset = PotsdamDataset(root / 'potsdam.lmdb')
        array = dataset[0]['img']
        planes = array.transpose(2, 0, 1)
    else:
        dataset = DFC2020Dataset(
            root / 'dfc.lmdb',
            modality=modality,
            bands=cfg.test_dataloader.dataset.get('bands'),
            image_dtype='uint8',
        )
        planes = sample(content, modality)
        array = planes.transpose(1, 2, 0)
    dataset.pipeline.transforms.append(TRANSFORMS.build({'type': 'PackSegInputs'}))
    packed = dataset[0]
    file = write_tiff(tmp_path / 'scene.tif', planes)
    model = init_model(Config(cfg.to_dict()), checkpoint, device='cpu')
    with torch.no_grad():
        batch = {key: [value] for key, value in packed.items()}
        answer = model.test_step(batch)[0]
    logits, expected = answer.seg_logits.data, answer.pred_sem_seg.data
    assert logits.std(dim=(1, 2)).max() > 0
    for images in (file, array, [file, file]):
        model = init_model(Config(cfg.to_dict()), checkpoint, device='cpu')
        found = inference_model(model, images)
        for each in found if isinstance(images, list) else [found]:
            torch.testing.assert_close(each.seg_logits.data, logits, rtol=1e-4, atol=1e-5)
    drawn = MultiBandSegInferencer(Config(cfg.to_dict()), checkpoint, device='cpu')
    drawn.show_progress = False
    drawn([file, array], out_dir=str(tmp_path / 'out'))
    assert len([*(tmp_path / 'out' / 'vis').iterdir()]) == 2
    assert len([*(tmp_path / 'out' / 'pred').iterdir()]) == 2
    inferencer = MMSegInferencer(Config(cfg.to_dict()), checkpoint, device='cpu')
    inferencer.show_progress = False
    for images in (file, array):
        found = inferencer(images, return_vis=images is array)
        assert (found['predictions'] == expected[0].numpy()).mean() > 0.999
        if images is array:
            assert found['visualization'].shape == (SIZE, SIZE, 3)


@pytest.mark.parametrize('name', [n for n in CONFIGS if n in FINETUNE or n.startswith('cromss/')])
def test_every_config_reads_images_as_its_test_data_set_does(name):
    cfg = load(name)
    dataset = cfg.test_dataloader.dataset
    for pipeline in (cfg.test_pipeline, dataset.pipeline, cfg.val_dataloader.dataset.pipeline):
        step = pipeline[0]
        assert (step.type, step._scope_) == ('LoadImageFromFile', 'mmss_plugins')
        if dataset.type == 'mmss_plugins.SegmentationStoreDataset':
            assert step.get('modality') == dataset.get('modality')
            assert step.get('bands') == dataset.get('bands')
            assert step.image_dtype == 'uint8'  # the data set's default
        elif 'modality' in dataset:
            for key in ('modality', 'bands', 'normalize', 'image_dtype'):
                assert step.get(key) == dataset.get(key)
        else:
            assert (step.modality, step.bands) == ('aerial', dataset.get('bands', 'RGB'))


def test_overrides_of_the_data_set_reach_the_loading_steps():
    cfg = load('finetune/pspnet_r18_mini_dfc2020-s2.py')
    cfg.test_dataloader.dataset.update(bands=9, normalize='standardise', image_dtype='float32')
    set_inference_settings(cfg)
    for step in (cfg.test_pipeline[0], cfg.test_dataloader.dataset.pipeline[0]):
        assert (step.modality, step.bands, step.normalize) == ('s2', 9, 'standardise')
    cfg = load('finetune/pspnet_r18_mini_potsdam.py')
    cfg.test_dataloader.dataset.bands = 'IRRG'
    set_inference_settings(cfg)
    assert cfg.test_pipeline[0].bands == 'IRRG'
    assert 'normalize' not in cfg.test_pipeline[0]
    set_inference_settings(load('grass/grass_r18_mini.py'))  # has no test


def test_overrides_of_own_scenes_reach_the_loading_steps():
    name = next(n for n in CONFIGS if load(n).get('test_pipeline') and 'scenes' in n)
    cfg = load(name)
    cfg.test_dataloader.dataset.update(modality='s1', normalize='standardise')
    set_inference_settings(cfg)
    assert TRANSFORMS.build(cfg.test_pipeline[0]).channels == ('s1.VV', 's1.VH')
    cfg = load(name)
    cfg.test_dataloader.dataset.modality = 'image'
    set_inference_settings(cfg)
    assert cfg.test_pipeline[0] == load(name).test_pipeline[0]
