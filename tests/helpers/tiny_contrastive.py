"""A tiny contrastive model and seeded views, for tests that run MMEngine's Runner."""

import json
from itertools import count

import torch
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmss_plugins.utils.seeding import SeededSampleMixin

SIZE = 32
IMAGES, BATCH = 8, 4
BATCHES = IMAGES // BATCH  # of an epoch
_numbers = count()  # of runs: MMEngine would give runs of one name and second one message hub


class Images:
    """A bright square somewhere in noise, as two noisy views."""

    def __init__(self, bands):
        self.bands = bands

    def __len__(self):
        return IMAGES

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        image = torch.randn(self.bands, SIZE, SIZE, generator=generator)
        row, col = torch.randint(0, SIZE // 2, (2,), generator=generator).tolist()
        image[:, row : row + 12, col : col + 12] += 3 * torch.rand(
            self.bands, 1, 1, generator=generator
        )
        views = [100 + 20 * (image + 0.3 * torch.randn_like(image)) for _ in range(2)]
        return {'inputs': views}


class Views(SeededSampleMixin, Images, Dataset):
    """Views that are others in every epoch."""


class Killed(Exception):  # noqa: N818
    """Stands for a killed job."""


class KillHook(Hook):
    def __init__(self, iteration):
        self.iteration = iteration

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if runner.iter == self.iteration:
            raise Killed


def grass_model(bands=3, **kwargs):
    """Config of GraSS on a ResNet-18 with 4 base channels."""
    return {
        'type': 'mmss_plugins.GraSS',
        'data_preprocessor': {
            'type': 'mmss_plugins.MultiBandSelfSupDataPreprocessor',
            'mean': [100.0] * bands,
            'std': [20.0] * bands,
        },
        'backbone': {
            'type': 'mmpretrain.ResNet',
            'depth': 18,
            'in_channels': bands,
            'stem_channels': 4,
            'base_channels': 4,
            'strides': (1, 2, 1, 1),
        },
        'neck': {
            'type': 'mmss_plugins.ProjectionNeck',
            'in_channels': 32,
            'hid_channels': 16,
            'out_channels': 8,
        },
        'head': {'type': 'mmss_plugins.InfoNCEHead'},
        **kwargs,
    }


def train(work_dir, hooks, epochs=4, iterations=None, kill_at=None, model=None, resume=False):
    """Train and return the runner; stopped without error at iteration ``kill_at``."""
    cfg = {'by_epoch': True, 'max_epochs': epochs}
    if iterations:
        cfg = {'by_epoch': False, 'max_iters': iterations}
    by_epoch = not iterations
    model = model or grass_model()
    bands = len(model['data_preprocessor']['mean']) if 'data_preprocessor' in model else 3
    runner = Runner(
        model=model,
        work_dir=str(work_dir),
        train_dataloader={
            'batch_size': BATCH,
            'num_workers': 0,
            'dataset': Views(bands),
            'sampler': {'type': 'mmss_plugins.EpochSeededSampler', 'shuffle': True},
            'collate_fn': {'type': 'default_collate'},
        },
        train_cfg=cfg,
        optim_wrapper={'optimizer': {'type': 'SGD', 'lr': 0.05, 'momentum': 0.9}},
        default_hooks={
            'checkpoint': {'type': 'CheckpointHook', 'interval': 1, 'by_epoch': by_epoch},
            'logger': {'type': 'LoggerHook', 'interval': 1},
        },
        custom_hooks=hooks,
        visualizer={'type': 'Visualizer', 'vis_backends': [{'type': 'LocalVisBackend'}]},
        log_processor={'by_epoch': by_epoch},
        default_scope='mmpretrain',
        randomness={'seed': 0},
        experiment_name=f'run_{next(_numbers)}',
        resume=resume,
    )
    if kill_at is not None:
        runner.register_hook(KillHook(kill_at))
    try:
        runner.train()
    except Killed:
        pass
    finally:
        DefaultScope._instance_dict.clear()
    return runner


def history(runner, name):
    """Every value of a scalar, in the order of the iterations."""
    return runner.message_hub.get_scalar(name).data[0].tolist()


def rows(work_dir):
    """What the visualizer wrote down, run by run."""
    paths = sorted(work_dir.glob('*/vis_data/scalars.json'))
    return [json.loads(line) for path in paths for line in path.read_text().splitlines()]


def log_of(work_dir):
    return '\n'.join(path.read_text() for path in sorted(work_dir.rglob('*.log')))
