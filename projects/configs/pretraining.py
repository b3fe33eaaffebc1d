"""The mechanical configs of ``configs/cromss`` and ``configs/grass``."""

from functools import partial

from projects.configs import text

config = partial(text.config, 'pretraining')

NINE = 'nine bands of Sentinel-2'
AREA = 'patches of an area (mmss prepare area): Sentinel-1, and Sentinel-2 L2A in 12 bands'
UNSELECTED = 'without pixel selection: every pixel has weight 1. Labels are still smoothed.'
# name, comment, config that it changes, settings
CROMSS = (
    ('cromss_late_r50_13b_200e_noldo',
     'CromSS, late fusion: an encoder and a decoder per modality. Published settings.',
     'cromss_mid_r50_13b_200e_noldo', text.LATE),
    ('cromss_late_r50_9b_200e_noldo', f'CromSS, late fusion, {NINE}. Published settings.',
     'cromss_mid_r50_9b_200e_noldo', text.LATE),
    ('cromss_mid_r50_13b_200e_noldo_wo-selection', f'CromSS, middle fusion, {UNSELECTED}',
     'cromss_mid_r50_13b_200e_noldo', text.NO_SELECTION),
    ('cromss_mid_r50_9b_200e_noldo_wo-selection', f'CromSS, middle fusion, {NINE}, {UNSELECTED}',
     'cromss_mid_r50_9b_200e_noldo', text.NO_SELECTION),
    ('cromss_late_r50_13b_200e_noldo_wo-selection', f'CromSS, late fusion, {UNSELECTED}',
     'cromss_mid_r50_13b_200e_noldo_wo-selection', text.LATE),
    ('cromss_late_r50_9b_200e_noldo_wo-selection', f'CromSS, late fusion, {NINE}, {UNSELECTED}',
     'cromss_mid_r50_9b_200e_noldo_wo-selection', text.LATE),
    ('cromss_late_r18_13b_mini',
     'CromSS, late fusion, small enough for a laptop: a decoder per modality, synthetic data.',
     'cromss_mid_r18_13b_mini', text.LATE),
    ('cromss_mid_r50_12b_200e_area', f'CromSS, middle fusion, on {AREA}.',
     'cromss_mid_r50_13b_200e_scenes', text.AREA),
    ('cromss_late_r50_12b_200e_area', f'CromSS, late fusion, on {AREA}.',
     'cromss_mid_r50_12b_200e_area', text.LATE),
    ('cromss_mid_r18_12b_40e_area',
     f'CromSS, middle fusion, on {AREA}, small enough for a laptop.',
     'cromss_mid_r18_13b_40e_scenes', text.AREA),
)  # fmt: skip
AERIAL = {
    'potsdam': 'Potsdam',
    'loveda-urban': 'LoveDA Urban',
    'loveda-rural': 'LoveDA Rural',
}
WARM_UP = (
    'Published settings; the 100 epochs of instance discrimination before the guidance are our '
    'choice, for the published code has no such warm-up.'
)
# name after the method, comment, settings: GraSS is the SimCLR config with the guidance.
GRASS = (
    *((f'r50_350e_{data}', f'GraSS R50 on {title}. {WARM_UP}', text.GUIDANCE)
      for data, title in AERIAL.items()),
    ('r50_350e_folder', 'GraSS R50 on your own images (tools/prepare/folder.py) with any number '
     'of bands: set model.backbone.in_channels to it.', text.GUIDANCE),
    ('r50_350e_folder-rgb', 'GraSS R50 on your own RGB images (tools/prepare/folder.py) in the '
     'published views.', text.GUIDANCE),
    ('r18_35e_folder', 'GraSS on your own images (tools/prepare/folder.py), small enough for a '
     'laptop. model.backbone.in_channels is the number of bands.', text.SHORT_GUIDANCE),
    ('r18_mini', 'GraSS small enough for a laptop. The guidance begins after the same share of '
     'the training as in grass_r50_350e_potsdam.py.', text.SHORT_GUIDANCE),
)  # fmt: skip


def cromss():
    """Yield name and text of every mechanical config of ``configs/cromss``."""
    for name, comment, base, body in CROMSS:
        yield name, config(comment, base, body)


def grass():
    """Yield name and text of every mechanical config of ``configs/grass``."""
    for name, comment, body in GRASS:
        yield f'grass_{name}', config(comment, f'simclr_{name}', body)
    for data, title in AERIAL.items():
        parts = text.runtime_parts(
            'default_runtime_selfsup', f'{data}_selfsup', 'grass_r50', 'grass_350e'
        )
        comment = f'SimCLR R50 on {title}: the settings and images of GraSS without its guidance.'
        yield f'simclr_r50_350e_{data}', config(comment, parts)
