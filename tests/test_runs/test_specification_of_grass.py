"""A GraSS encoder is held to the bands and the normalisation that it was pretrained with."""

import pytest
from helpers.store_factory import write_aerial_store
from helpers.store_runs import downstream, log_of, make_runner
from helpers.tiny_contrastive import grass_model
from mmengine.registry import DefaultScope

from mmss_plugins.checkpoints import InputSpecificationError
from mmss_plugins.datasets import PotsdamDataset

BYTES = {'mean': [123.675, 116.28, 103.53], 'std': [58.395, 57.12, 57.375]}
UNITS = {'mean': [0.485, 0.456, 0.406], 'std': [0.229, 0.224, 0.225]}


pytestmark = pytest.mark.usefixtures('quick_runs')


def aerial(store, pipeline, **kwargs):
    dataset = {
        'type': 'mmss_plugins.PotsdamDataset',
        'data_root': store,
        'pipeline': pipeline,
        **kwargs,
    }
    sampler = {'type': 'DefaultSampler', 'shuffle': False}
    return {'batch_size': 4, 'num_workers': 0, 'dataset': dataset, 'sampler': sampler}


def test_a_pretrained_encoder_meets_fine_tuning(tmp_path):
    ids = [str(number) for number in range(4)]
    bands = ('R', 'G', 'B', 'IR')
    store = str(write_aerial_store(tmp_path / 'p.lmdb', PotsdamDataset, ids, 32, bands=bands))

    views = [
        {
            'type': 'mmpretrain.MultiView',
            'num_views': [2],
            'transforms': [[{'type': 'RandomFlip', 'prob': 0.5}]],
        },
        {'type': 'mmpretrain.PackInputs', 'meta_keys': ('sample_id',)},
    ]
    model = grass_model()
    model['data_preprocessor'].update(BYTES)
    pretraining = tmp_path / 'pretraining'
    loader = aerial(store, views, labels=False)
    make_runner(pretraining, model, loader, default_scope='mmpretrain').train()
    DefaultScope._instance_dict.clear()

    model = downstream(pretraining / 'iter_1.pth', 'backbone.', in_channels=3)
    model['backbone'] |= {'stem_channels': 4, 'strides': (1, 2, 1, 1)}
    model['data_preprocessor'].update(UNITS)
    pack = [{'type': 'PackSegInputs'}]
    make_runner(tmp_path / 'rgb', model, aerial(store, pack)).train()
    log = log_of(tmp_path / 'rgb')
    assert 'backbone from' in log
    assert 'fits the data' in log

    runner = make_runner(tmp_path / 'irrg', model, aerial(store, pack, bands='IRRG'))
    with pytest.raises(InputSpecificationError) as error:
        runner.train()
    assert '3: R G B' in str(error.value)
    assert '3: IR R G' in str(error.value)
    assert 'tensors loaded' not in log_of(tmp_path / 'irrg')

    model['data_preprocessor'].update(mean=None, std=None)
    runner = make_runner(tmp_path / 'plain', model, aerial(store, pack))
    with pytest.raises(InputSpecificationError, match=r'aerial input_mean +0\.485 0\.456'):
        runner.train()
