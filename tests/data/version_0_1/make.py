"""Makes the files beside this script, with the code of version 0.1.0: see README.md."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path

import mmss_plugins

# isort: split
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmss_plugins.datasets.lmdb_store import ReadRequest, StoreReader

from mmss_plugins.version import __version__

HERE = Path(__file__).resolve().parent
CHECKOUT = Path(mmss_plugins.__file__).resolve().parents[1]
EPOCHS = 3
RUN = {
    'train_cfg.max_epochs': EPOCHS,
    'train_cfg.val_interval': 1,
    'param_scheduler.0.T_max': EPOCHS,
    'default_hooks.checkpoint.interval': 1,
    'default_hooks.logger.interval': 1,
    'randomness.seed': 1,
    **{
        f'{loader}_dataloader.{name}': value
        for loader in ('train', 'val', 'test')
        for name, value in {'num_workers': 0, 'persistent_workers': False}.items()
    },
}
PRETRAINING = {
    **RUN,
    **{
        f'{loader}_dataloader.dataset.{name}': value
        for loader in ('train', 'val', 'test')
        for name, value in {'data_root': 'data/noldo.lmdb', 'holdout.fraction': 0.25}.items()
    },
    **{f'model.backbones.{m}.stem_channels': 2 for m in ('s1', 's2')},
    **{f'model.backbones.{m}.base_channels': 2 for m in ('s1', 's2')},
    'model.decode_head.in_channels': [2, 2, 4, 8, 16],
    'model.decode_head.decoder_channels': [8, 8, 4, 4, 4],
    'train_dataloader.batch_size': 2,
    'train_dataloader.dataset.pipeline.1.crop_size': (32, 32),
}
FINETUNING = {
    **RUN,
    'train_dataloader.dataset.data_root': 'data/dfc2020/validation.lmdb',
    'train_dataloader.dataset.indices': 4,
    'train_dataloader.batch_size': 2,
    'val_dataloader.dataset.data_root': 'data/dfc2020/test.lmdb',
    'test_dataloader.dataset.data_root': 'data/dfc2020/test.lmdb',
    'model.backbone.stem_channels': 2,
    'model.backbone.base_channels': 2,
    'model.backbone.init_cfg.checkpoint': 'work_dirs/pretrain/epoch_1.pth',
    'model.decode_head.in_channels': 16,
    'model.decode_head.channels': 8,
}
RUNS = {
    'pretrain': ('cromss/cromss_mid_r18_13b_mini.py', PRETRAINING),
    'finetune': ('finetune/pspnet_r18_mini_dfc2020-s2_cromss.py', FINETUNING),
}


class Stopped(Exception):  # noqa: N818
    """Stands for a job that is killed."""


class StopHook(Hook):
    """Stops a run when its second epoch begins: the checkpoint of the first is there."""

    def before_train_epoch(self, runner):
        if runner.epoch == 1:
            raise Stopped


def tool(name, *arguments):
    """Run one of the tools of version 0.1.0."""
    subprocess.run([sys.executable, str(CHECKOUT / 'tools' / name), *arguments], check=True)


def make_stores():
    """Tiny synthetic data sets and their stores, 32 x 32 pixels."""
    sizes = {'locations': 6, 'size': 32, 'dfc-train': 4, 'dfc-test': 2}
    options = [word for name, value in sizes.items() for word in (f'--{name}', str(value))]
    tool('prepare/mini_world.py', 'raw', *options, '--workers', '1')
    quantised = ('--quantise', 'clip8', '--workers', '1')
    tool('prepare/noldo_pretrain.py', 'raw/noldo', 'data/noldo.lmdb', *quantised)
    tool('prepare/dfc2020.py', 'raw/dfc2020', 'data/dfc2020', '--workers', '1')


def train(name):
    """A run that is stopped after its first epoch."""
    config, options = RUNS[name]
    cfg = Config.fromfile(CHECKOUT / 'configs' / config)
    cfg.merge_from_dict(options)
    cfg.work_dir = f'work_dirs/{name}'
    runner = Runner.from_cfg(cfg)
    runner.register_hook(StopHook())
    try:
        runner.train()
    except Stopped:
        return
    raise RuntimeError('the run was not stopped')


def losses_of(work_dir):
    """Losses of the last run in a work directory, by iteration."""
    *_, last = sorted(work_dir.glob('*/vis_data/scalars.json'))
    rows = [json.loads(line) for line in last.read_text().splitlines()]
    return {row['step']: row['loss'] for row in rows if 'loss' in row}


def resume(name):
    """Losses of the rest of the run, when version 0.1.0 resumes a copy of it."""
    folder = Path('resumed') / name
    shutil.copytree(Path('work_dirs') / name, folder)
    (config,) = folder.glob('*.py')
    cfg = Config.fromfile(config)
    cfg.work_dir, cfg.resume, cfg.experiment_name = str(folder), True, f'{name}_resumed'
    Runner.from_cfg(cfg).train()
    return losses_of(folder)


def test(name):
    """Metrics of the checkpoint of a stopped run."""
    (config,) = (Path('work_dirs') / name).glob('*.py')
    cfg = Config.fromfile(config)
    cfg.work_dir, cfg.load_from = f'tested/{name}', f'work_dirs/{name}/epoch_1.pth'
    cfg.experiment_name = f'{name}_tested'
    return {key: float(value) for key, value in Runner.from_cfg(cfg).test().items()}


def checksums(path):
    """CRC-32 of the arrays of a store, by sample, season and field."""
    store = StoreReader(path)
    return {
        f'{sample_id} {season or "-"} {field}': zlib.crc32(
            store.read(sample_id, [ReadRequest(field, season)])[0].tobytes()
        )
        for sample_id in store.sample_ids
        for season in store.meta.seasons or (None,)
        for field in store.meta.fields
    }


def pack():
    """Data and stopped runs, without their logs."""
    with tarfile.open(HERE / 'files.tar.xz', 'w:xz', preset=9) as archive:
        for path in sorted([*Path('data').rglob('*'), *Path('work_dirs').glob('*/*')]):
            if path.is_file() and path.name != 'lock.mdb':
                archive.add(path)


def main(folder):
    if __version__ != '0.1.0':
        sys.exit(f'{CHECKOUT} is version {__version__}: put a checkout of 0.1.0 in PYTHONPATH')
    Path(folder).mkdir()
    os.chdir(folder)
    make_stores()
    for name in RUNS:
        train(name)
    expected = {
        'stores': {str(path): checksums(path) for path in sorted(Path('data').rglob('*.lmdb'))},
        'first_losses': {name: losses_of(Path('work_dirs') / name) for name in RUNS},
        'resumed_losses': {name: resume(name) for name in RUNS},
        'metrics': {name: test(name) for name in RUNS},
    }
    (HERE / 'expected.json').write_text(json.dumps(expected, indent=1) + '\n')
    pack()


if __name__ == '__main__':
    main(sys.argv[1])
