"""The mechanical configs of ``configs/finetune``: tables, and the configs that follow from them."""

from functools import partial
from typing import NamedTuple

from projects.configs import text

config = partial(text.config, 'finetune')
with_weights = partial(text.with_weights, 'finetune')

DECODERS = {
    'pspnet': 'PSPNet',
    'deeplabv3plus': 'DeepLabV3+',
    'fpn': 'FPN',
    'unet': 'U-Net',
    'upernet': 'UPerNet',
}


class Data(NamedTuple):
    """A data set; ``classes`` where the decoders of ``_base_/models`` have another number."""

    title: str
    classes: int | None = None


DATA = {
    'dfc2020': Data('DFC2020'),
    'dw': Data('SSL4EO-S12@DW', 9),
    'osm': Data('SSL4EO-S12@OSM', 13),
    'potsdam': Data('Potsdam'),
    'loveda-urban': Data('LoveDA Urban', 7),
    'loveda-rural': Data('LoveDA Rural', 7),
}
SENSORS = {'s1': 'S1', 's2': 'S2', 's12': 'S1 and S2'}
AERIAL = ('potsdam', 'loveda-urban', 'loveda-rural')


class Weights(NamedTuple):
    """Pretrained weights: a file of ``_base_/weights`` and the bands of Sentinel-2 they need."""

    file: str
    title: str
    s1_title: str | None = None
    sensors: tuple = ('s1', 's2')
    bands: int | str | None = None  # of nine bands, where they are not all 13


MID, LATE = 'CromSS encoder, middle fusion', 'CromSS encoder, late fusion'
WEIGHTS = {
    'imagenet': Weights('imagenet_{}', 'ImageNet encoder, stem adapted to the bands'),
    'moco': Weights('moco_{}', 'MoCo encoder'),
    'dino': Weights('dino_{}', 'DINO encoder', sensors=('s2',)),
    'decur': Weights('decur_{}', 'DeCUR encoder'),
    'satlas': Weights('satlas_{}', 'Satlas encoder', sensors=('s2',), bands='rgb9'),
    'noisy': Weights('noisy_{}', 'encoder pretrained on noisy labels with this sensor alone'),
    'cromss': Weights('cromss-mid-13b_{}', MID),
    'cromss-9b': Weights('cromss-mid-9b_{}', MID, f'{MID} with nine bands of S2', bands=9),
    'cromss-late': Weights('cromss-late-13b_{}', LATE),
    'cromss-late-9b': Weights('cromss-late-9b_{}', LATE, f'{LATE} with nine bands of S2', bands=9),
}
DOFA = {'dofa': Weights('dofa-l16', 'published encoder')}
SATMAE = {'satmae': Weights('satmae-l8', 'published encoder', sensors=('s2',))}


class Network(NamedTuple):
    """An encoder: the suffix of its ``_base_/models``, and its settings for a sensor's bands."""

    title: str
    bands: str = '13b'
    s1: str = ''
    s2: str = ''
    s2_bands: int | str | None = None


NETWORKS = {
    'r18': Network('R18', s1='in_channels=2'),
    'r50': Network('R50', s1='in_channels=2'),
    'r18-dual': Network('with two R18 encoders', '15b'),
    'vit-tiny': Network('with a tiny ViT'),
    'dofa-tiny': Network('with a tiny DOFA ViT'),
    'satmae-tiny': Network('with a tiny SatMAE ViT', '10b', s2_bands=10),
    'dofa-l16': Network('DOFA ViT-L/16', s1="bands='s1:2'", s2="bands='s2:rgb9'", s2_bands='rgb9'),
    'satmae-l8': Network('SatMAE ViT-L/8', '10b', s2_bands=10),
}
BAND_COUNTS = {None: '', 9: ', nine bands', 'rgb9': ', nine bands', 10: ', ten bands'}

# The tables of CromSS: decoder, encoder, data set, weights. Each is trained and frozen.
TABLES = (
    ('pspnet', 'r50', 'dfc2020', WEIGHTS),
    ('deeplabv3plus', 'r50', 'dw', WEIGHTS),
    ('fpn', 'r50', 'osm', WEIGHTS),
    *(('upernet', 'dofa-l16', data, DOFA) for data in ('dfc2020', 'dw', 'osm')),
    *(('upernet', 'satmae-l8', data, SATMAE) for data in ('dfc2020', 'dw', 'osm')),
)
# The synthetic data: decoder, encoder, data set, sensor, schedule.
MINI = (
    ('pspnet', 'r18', 'dfc2020', 's1', 'finetune_mini'),
    ('pspnet', 'r18', 'dfc2020', 's2', 'finetune_mini'),
    ('pspnet', 'r18-dual', 'dfc2020', 's12', 'finetune_mini'),
    ('unet', 'r18', 'dfc2020', 's2', 'finetune_mini'),
    ('fpn', 'r18', 'dfc2020', 's2', 'finetune_mini_60e'),
    ('fpn', 'r18', 'osm', 's2', 'finetune_mini_60e'),
    ('deeplabv3plus', 'r18', 'dfc2020', 's2', 'finetune_mini_60e'),
    ('deeplabv3plus', 'r18', 'dw', 's2', 'finetune_mini_60e'),
    ('upernet', 'r18', 'dfc2020', 's2', 'finetune_mini_60e'),
    ('upernet', 'vit-tiny', 'dfc2020', 's2', 'finetune_mini_60e'),
    ('upernet', 'dofa-tiny', 'dfc2020', 's2', 'finetune_mini_60e'),
    ('upernet', 'satmae-tiny', 'dfc2020', 's2', 'finetune_mini_60e'),
)
# Shares of the labels in percent, of DeepLabV3+ on the aerial data.
SHARES = (1, 5, 10)
# Encoders of runs of this package: config that starts from them, its title, weights, run, epoch.
SCENES = 'on your own scenes'
RUNS = (
    *(
        (f'{decoder}_r50_50e_{data}', f'{DECODERS[decoder]} R50 on {DATA[data].title}',
         'grass', f'grass_r50_350e_{data}', 350)
        for decoder in ('deeplabv3plus', 'pspnet', 'upernet') for data in AERIAL
    ),
    ('pspnet_r18_mini_potsdam', 'PSPNet R18 on synthetic Potsdam', 'grass', 'grass_r18_mini', 35),
    ('pspnet_r18_mini_potsdam', 'PSPNet R18 on synthetic Potsdam', 'simclr', 'simclr_r18_mini', 35),
    ('pspnet_r18_30e_scenes', f'PSPNet R18 {SCENES}', 'grass', 'grass_r18_35e_folder', 35),
    ('pspnet_r50_50e_scenes', f'PSPNet R50 {SCENES}', 'grass', 'grass_r50_350e_folder', 350),
    *(
        row for sensor, title in (('s1', 'S1'), ('s2', 'S2')) for row in (
            (f'pspnet_r18_mini_dfc2020-{sensor}', f'PSPNet R18 on synthetic DFC2020, {title}',
             'cromss', 'cromss_mid_r18_13b_mini', 40),
            (f'pspnet_r18_30e_scenes-{sensor}', f'PSPNet R18 {SCENES}, {title}',
             'cromss', 'cromss_mid_r18_13b_40e_scenes', 40),
            (f'pspnet_r50_50e_scenes-{sensor}', f'PSPNet R50 {SCENES}, {title}',
             'cromss', 'cromss_mid_r50_13b_200e_scenes', 200),
        )
    ),
)  # fmt: skip
METHODS = {'grass': 'GraSS', 'simclr': 'SimCLR', 'cromss': 'CromSS'}


def leaves():
    """Yield name and text of every mechanical config of the folder."""
    for decoder, encoder, data, weights in TABLES:
        for sensor in ('s1', 's2'):
            yield from _table(decoder, encoder, data, sensor, weights)
    for decoder, encoder, data, sensor, schedule in MINI:
        title = f'{_title(decoder, encoder)} on synthetic {DATA[data].title}, {SENSORS[sensor]}'
        parts = text.runtime_parts(
            'default_runtime_mini',
            f'{data}_{sensor}_mini',
            f'{decoder}_{encoder}_{NETWORKS[encoder].bands}',
            schedule,
        )
        body = _settings(encoder, data, sensor)
        name = f'{decoder}_{encoder}_mini_{data}-{sensor}'
        yield name, config(f'{title}, from random weights.', parts, body)
    for data in AERIAL:
        for decoder in ('deeplabv3plus', 'pspnet', 'upernet'):
            yield _aerial(decoder, data)
        yield from _shares(data)
    for base, title, weights, run, epoch in RUNS:
        prefix = f'backbones.{base[-2:]}.' if weights == 'cromss' else 'backbone.'
        comment = f'{title}: {METHODS[weights]} encoder, fine-tuned.'
        body = text.PRETRAINED.format(run=run, epoch=epoch, prefix=prefix)
        yield f'{base}_{weights}', config(comment, base, body)


def _title(decoder, encoder):
    return f'{DECODERS[decoder]} {NETWORKS[encoder].title}'


def _settings(encoder, data, sensor):
    """What a config changes of its parts: bands and number of classes."""
    network, classes = NETWORKS[encoder], DATA[data].classes
    backbone = {'s1': network.s1, 's2': network.s2}.get(sensor)
    changes = [f'backbone=dict({backbone})'] if backbone else []
    changes += [f'decode_head=dict(num_classes={classes})'] if classes else []
    blocks = [f'model = dict({", ".join(changes)})'] if changes else []
    if sensor == 's2' and network.s2_bands:
        blocks.append(text.BANDS.format(bands=network.s2_bands))
    return '\n'.join(blocks)


def _table(decoder, encoder, data, sensor, weights):
    """The configs of a data set, sensor and network: every initialisation, trained and frozen."""
    start = {name: row for name, row in weights.items() if sensor in row.sensors}
    if not start:
        return
    network = NETWORKS[encoder]
    on = f'{_title(decoder, encoder)} on {DATA[data].title}, {SENSORS[sensor]}'
    bands = network.s2_bands if sensor == 's2' else None
    base = f'{decoder}_{encoder}_50e_{data}-{sensor}'
    model = f'{decoder}_{encoder}_{network.bands}'
    parts = text.runtime_parts('default_runtime', f'{data}_{sensor}', model, 'finetune_50e')
    title = f'{on}{BAND_COUNTS[bands]}'
    yield base, config(f'{title}, from random weights.', parts, _settings(encoder, data, sensor))
    if weights is WEIGHTS:
        yield f'{base}_frozen', config(f'{title}: random weights, frozen.', base, text.FREEZE)
    for name, row in start.items():
        fewer = row.bands if sensor == 's2' else None
        what = (sensor == 's1' and row.s1_title) or row.title
        title = f'{on}{BAND_COUNTS[fewer or bands]}: {what}'
        made = with_weights(
            f'{title}, fine-tuned.',
            base,
            row.file.format(sensor),
            'in_channels=9, ' if fewer else '',
        )
        yield f'{base}_{name}', made + (text.BANDS.format(bands=fewer) + '\n' if fewer else '')
        frozen = config(f'{title}, frozen.', f'{base}_{name}', text.FREEZE)
        yield f'{base}_{name}-frozen', frozen


def _aerial(decoder, data):
    parts = text.runtime_parts('default_runtime', data, f'{decoder}_r50_rgb', 'finetune_50e_aerial')
    comment = f'{_title(decoder, "r50")} on {DATA[data].title}, from random weights.'
    return f'{decoder}_r50_50e_{data}', config(comment, parts, _settings('r50', data, ''))


def _shares(data):
    base = f'deeplabv3plus_r50_50e_{data}'
    for percent in SHARES:
        for end, start in (('', 'random weights'), ('_grass', 'a GraSS encoder')):
            comment = (
                f'{_title("deeplabv3plus", "r50")} on {DATA[data].title}, from {start}, with '
                f'{percent} % of the labelled patches, drawn from all tiles by the seed. As many '
                'iterations as with all of them.'
            )
            body = text.SHARE.format(fraction=percent / 100, times=100 // percent)
            yield f'{base}-{percent}pct{end}', config(comment, f'{base}{end}', body)
