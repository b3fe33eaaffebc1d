import pytest
from helpers.paths import ROOT
from mmengine.config import Config

from mmss_plugins.analysis.table.row import COLUMNS, describe

CONFIGS = ROOT / 'configs' / 'finetune'
RESNET = {'type': 'ResNet', 'depth': 50}
CROMSS = {
    'type': 'Pretrained',
    'checkpoint': 'work_dirs/cromss_mid/epoch_200.pth',
    'prefix': 'backbones.s2.',
}


def row(data=None, backbone=None, head='PSPHead', **others):
    data = {'type': 'mmss_plugins.DFC2020Dataset', **(data or {})}
    return describe(
        Config(
            {
                'train_dataloader': {'dataset': data},
                'model': {'backbone': backbone or RESNET, 'decode_head': {'type': head}},
                **others,
            }
        )
    )


@pytest.mark.parametrize(
    ('name', 'expected'),
    [
        (
            'pspnet_r50_50e_dfc2020-s1',
            ['DFC2020', 'all', 'S1', 'PSPNet R50', 'random', 'from scratch'],
        ),
        (
            'pspnet_r18_mini_dfc2020-s2_cromss-frozen',
            [
                'synthetic DFC2020', '8', 'S2 (13)', 'PSPNet R18', 'cromss_mid_r18_13b_mini',
                'frozen',
            ],
        ),
        (
            'deeplabv3plus_r50_50e_loveda-rural-5pct_grass',
            [
                'LoveDA rural', '5 %', 'RGB', 'DeepLabV3+ R50', 'grass_r50_350e_loveda-rural',
                'fine-tuned',
            ],
        ),
        (
            'pspnet_r18-dual_mini_dfc2020-s12',
            [
                'synthetic DFC2020', '8', 'S1 + S2 (13)', 'PSPNet 2 x R18 (concat)', 'random',
                'from scratch',
            ],
        ),
        (
            'upernet_satmae-tiny_mini_dfc2020-s2',
            [
                'synthetic DFC2020', '8', 'S2 (10)', 'UPerNet SatMAE (96 x 4)', 'random',
                'from scratch',
            ],
        ),
    ],
)  # fmt: skip
def test_columns_of_the_packages_configs(name, expected):
    found = describe(Config.fromfile(CONFIGS / f'{name}.py'))
    assert list(found) == list(COLUMNS)
    assert list(found.values()) == expected


@pytest.mark.parametrize(
    ('data', 'column', 'expected'),
    [
        ({'type': 'mmss_plugins.NoLDODownstreamDataset', 'label': 'osm'}, 'data set',
         'SSL4EO-S12@OSM'),
        ({'type': 'mmss_plugins.NoLDODownstreamDataset'}, 'data set', 'SSL4EO-S12@DW'),
        ({'type': 'other.MyDataset', 'data_root': 'data/mini/x.lmdb'}, 'data set', 'synthetic My'),
        ({'bands': 'rgb9'}, 'modality', 'S2 (rgb9)'),
        ({'bands': ['B2', 'B3']}, 'modality', 'S2 (2)'),
        ({'modality': 's12', 'bands': {'s2': 9}}, 'modality', 'S1 + S2 (9)'),
        ({'type': 'mmss_plugins.PotsdamDataset', 'bands': 'IRRG', 'dsm': True}, 'modality',
         'IRRG + DSM'),
        ({'split_file': 'lists/dfc_20_seed1.txt'}, 'labels', 'dfc_20_seed1'),
        ({'subset': {'count': 20, 'seed': 0}}, 'labels', '20'),
        ({'subset': {'fraction': 0.005, 'seed': 0}}, 'labels', '0.5 %'),
        ({'indices': [3, 4, 5]}, 'labels', '3'),
    ],
)  # fmt: skip
def test_data_and_labels(data, column, expected):
    assert row(data)[column] == expected


def test_a_repeated_data_set_is_looked_into():
    inner = {'type': 'mmss_plugins.DFC2020Dataset', 'subset': {'fraction': 0.1, 'seed': 0}}
    found = row({'type': 'RepeatDataset', 'times': 10, 'dataset': inner})
    assert (found['data set'], found['labels']) == ('DFC2020', '10 %')
    found = row({'type': 'ConcatDataset', 'datasets': [inner, inner]})
    assert found['labels'] == '10 %'


@pytest.mark.parametrize(
    ('backbone', 'others', 'weights', 'encoder'),
    [
        ({**RESNET, 'init_cfg': CROMSS}, {}, 'cromss_mid', 'fine-tuned'),
        ({**RESNET, 'init_cfg': CROMSS, 'frozen_stages': 4}, {}, 'cromss_mid', 'frozen'),
        ({**RESNET, 'init_cfg': CROMSS, 'frozen_stages': 1}, {}, 'cromss_mid', 'partly frozen'),
        ({**RESNET, 'frozen_stages': 4}, {}, 'random', 'frozen'),
        (
            {**RESNET, 'init_cfg': [{'type': 'Kaiming'}, {**CROMSS, 'checkpoint': 'x/moco.pth'}]},
            {'default_hooks': {'encoder': {'type': 'mmss_plugins.FreezeEncoderHook'}}},
            'moco', 'frozen',
        ),
        (
            {**RESNET, 'init_cfg': CROMSS},
            {'custom_hooks': [{'type': 'mmss_plugins.UnfreezeEncoderHook', 'begin': 10}]},
            'cromss_mid', 'frozen, later fine-tuned',
        ),
        (
            {**RESNET, 'init_cfg': CROMSS},
            {'custom_hooks': [{'type': 'mmss_plugins.UnfreezeEncoderHook', 'begin': 0}]},
            'cromss_mid', 'fine-tuned',
        ),
        (
            {**RESNET, 'init_cfg': {'checkpoint': 'inflate://torchvision://resnet50?bands=s2:13'}},
            {}, 'resnet50', 'fine-tuned',
        ),
        (RESNET, {'load_from': 'runs/whole/best_mIoU_epoch_3.pth'}, 'whole', 'fine-tuned'),
        (
            {'type': 'mmss_plugins.DualBackbone', 'fusion': 'sum', 'backbones': {
                's1': {**RESNET, 'init_cfg': CROMSS}, 's2': {**RESNET, 'init_cfg': CROMSS}}},
            {}, 'cromss_mid', 'fine-tuned',
        ),
        (
            {'type': 'mmss_plugins.DualBackbone', 'backbones': {
                's1': {**RESNET, 'frozen_stages': 4}, 's2': RESNET}},
            {}, 'random', 'partly frozen',
        ),
        ({'type': 'mmpretrain.VisionTransformer', 'frozen_stages': 4}, {}, 'random',
         'partly frozen'),
        ({'type': 'mmss_plugins.SatMAEViT', 'frozen_stages': 24}, {}, 'random', 'frozen'),
    ],
)  # fmt: skip
def test_weights_and_use_of_the_encoder(backbone, others, weights, encoder):
    found = row(backbone=backbone, **others)
    assert (found['weights'], found['encoder']) == (weights, encoder)


@pytest.mark.parametrize(
    ('backbone', 'head', 'expected'),
    [
        ({'type': 'mmss_plugins.DOFAViT', 'arch': 'large'}, 'UPerHead', 'UPerNet DOFA-L'),
        ({'type': 'mmss_plugins.SatMAEViT'}, 'UPerHead', 'UPerNet SatMAE-L'),
        ({'type': 'mmpretrain.VisionTransformer'}, 'mmseg.FPNHead', 'FPN ViT-B'),
        ({'type': 'mmss_plugins.StemResNet', 'depth': 18}, 'mmss_plugins.UNetHead', 'U-Net R18'),
        ({'type': 'Swin', 'arch': 'tiny'}, 'MyHead', 'MyHead Swin-tiny'),
        (
            {'type': 'mmss_plugins.DualBackbone', 'fusion': 'attention', 'backbones': {
                's1': {'type': 'ResNet', 'depth': 18}, 's2': RESNET}},
            'PSPHead', 'PSPNet R18 + R50 (attention)',
        ),
    ],
)  # fmt: skip
def test_models(backbone, head, expected):
    assert row(backbone=backbone, head=head)['model'] == expected
