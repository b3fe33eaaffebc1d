"""Metafiles for ``mim``: every config by name, with the published results where there are any."""

import csv
import re
from pathlib import Path

import yaml

from projects.configs.finetune import DECODERS

HEADER = '# Written by `make configs` from projects/configs; edit the tables there.\n'
PUBLISHED = Path(__file__).with_name('published.csv')
CROMSS_PAPER = {
    'Title': 'CromSS: Cross-modal pretraining with noisy labels for remote sensing image '
    'segmentation',
    'URL': 'https://arxiv.org/abs/2405.01217',
}
GRASS_PAPER = {
    'Title': 'GraSS: Contrastive Learning with Gradient Guided Sampling Strategy for Remote '
    'Sensing Image Semantic Segmentation',
    'URL': 'https://arxiv.org/abs/2306.15868',
}
COLLECTIONS = {
    'cromss': {
        'Name': 'CromSS',
        'Metadata': {'Training Data': 'SSL4EO-S12@NoL', 'Architecture': ['ResNet', 'U-Net']},
        'Paper': CROMSS_PAPER,
        'README': 'README.md',
    },
    'grass': {
        'Name': 'GraSS',
        'Metadata': {'Training Data': ['ISPRS Potsdam', 'LoveDA'], 'Architecture': ['ResNet']},
        'Paper': GRASS_PAPER,
        'README': 'README.md',
    },
}
# What part of a config's name says which training data it has; the first that matches.
TRAINING_DATA = {
    'noldo': 'SSL4EO-S12@NoL',
    'dfc2020': 'DFC2020',
    'dw-': 'SSL4EO-S12@DW',
    'osm-': 'SSL4EO-S12@OSM',
    'potsdam': 'ISPRS Potsdam',
    'loveda-urban': 'LoveDA Urban',
    'loveda-rural': 'LoveDA Rural',
    'scenes': 'your own scenes',
    'area': 'an area of your choice',
    'folder': 'your own images',
}
MINI_DATA = {'cromss': 'SSL4EO-S12@NoL', 'grass': 'ISPRS Potsdam'}
ENCODERS = {
    'r18': 'ResNet-18',
    'r18-dual': '2 x ResNet-18',
    'r50': 'ResNet-50',
    'r50-dual': '2 x ResNet-50',
    'vit-tiny': 'ViT of 4 blocks',
    'dofa-tiny': 'DOFA ViT of 4 blocks',
    'dofa-l16': 'DOFA ViT-L/16',
    'satmae-tiny': 'SatMAE ViT of 4 blocks',
    'satmae-l8': 'SatMAE ViT-L/8',
}
SOURCE = (
    'published by the authors of CromSS, obtained with their code, not with this package: '
    'Results_{}.png of their repository, commit a5aab81; mean and deviation in percent'
)
# The cells of the published tables: decoder by data set, weights by their name there.
TABLES = {'DFC2020': 'pspnet', 'DW': 'deeplabv3plus', 'OSM': 'fpn'}
WEIGHTS = {
    'random': '',
    'MoCo': '_moco',
    'DINO': '_dino',
    'DeCUR': '_decur',
    'Satlas': '_satlas',
    'CromSS-midF': '_cromss',
    'CromSS-lateF': '_cromss-late',
}
TRANSFORMERS = {'DOFA': 'dofa-l16', 'satMAE': 'satmae-l8'}
METRICS = ('OA', 'AA', 'mIoU', 'mF1')


def published_rows():
    """The rows of published results, a dictionary of text each."""
    lines = PUBLISHED.read_text(encoding='utf-8').splitlines()
    return [*csv.DictReader(line for line in lines if not line.startswith('#'))]


def config_of(row):
    """Name of the fine-tuned config of a published row, or None where there is none.

    Sentinel-1 encoders of CromSS were pretrained beside 13 bands of Sentinel-2: the table of DW
    says so, the two others say nothing.
    """
    data = f'50e_{row["dataset"].lower()}-{row["input"].lower()}'
    weights = row['weights']
    if row['backbone'] == 'ViT-L':
        encoder = TRANSFORMERS.get(weights)
        return encoder and f'upernet_{encoder}_{data}_{encoder.partition("-")[0]}'
    nine = row['bands'] == '9' and weights != 'Satlas'
    if nine and not weights.startswith('CromSS'):
        return None
    return f'{TABLES[row["dataset"]]}_r50_{data}{WEIGHTS[weights]}{"-9b" if nine else ""}'


def published_results():
    """Published metrics by config: {name: (data set, {metric: (mean, standard deviation)})}."""
    results = {}
    for row in published_rows():
        name = config_of(row)
        if name is None:
            continue
        frozen = f'{name}_frozen' if row['weights'] == 'random' else f'{name}-frozen'
        for config, part in ((name, 'ft'), (frozen, 'frozen')):
            values = {m: tuple(map(float, row[f'{part}_{m}'].split('±'))) for m in METRICS}
            results[config] = (row['dataset'], values)
    return results


def model(folder, name, results):
    """The entry of one config."""
    parts = name.split('_')
    method = folder
    architecture = [ENCODERS[part] for part in parts if part in ENCODERS]
    if folder == 'finetune':
        architecture.insert(0, DECODERS[parts[0]])
        method = 'grass' if re.search('potsdam|loveda|grass', name) else 'cromss'
    mini = '_mini' in name
    data = [title for key, title in TRAINING_DATA.items() if key in name] or [MINI_DATA[folder]]
    metadata = {
        'Training Data': f'synthetic {data[0]}' if mini else data[0],
        'Architecture': architecture,
    }
    epochs = re.search(r'_(\d+)e_', name)
    if epochs:
        metadata['Epochs'] = int(epochs[1])
    entry = {
        'Name': name,
        'In Collection': COLLECTIONS[method]['Name'],
        'Config': f'configs/{folder}/{name}.py',
        'Metadata': metadata,
    }
    if name in results:
        data_set, values = results[name]
        metadata['Source of Results'] = SOURCE.format(data_set)
        metrics = {f'{metric} (published)': mean for metric, (mean, _) in values.items()}
        metrics |= {f'{metric} deviation (published)': each[1] for metric, each in values.items()}
        entry['Results'] = [
            {
                'Task': 'Semantic Segmentation',
                'Dataset': metadata['Training Data'],
                'Metrics': metrics,
            }
        ]
        entry['Paper'] = CROMSS_PAPER['URL']
    return entry


def metafile(folder, names):
    """The text of a folder's metafile.

    Args:
        folder: Name of the folder in ``configs``.
        names: Its configs, without '.py'.
    """
    results = published_results()
    content = {'Collections': [COLLECTIONS[folder]]} if folder in COLLECTIONS else {}
    content['Models'] = [model(folder, name, results) for name in sorted(names)]
    return HEADER + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=100)
