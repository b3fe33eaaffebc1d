"""Stands in for the runner of commands: reads their arguments as the tools do, runs nothing."""

import importlib.util
import json
from functools import cache
from pathlib import Path

import torch

from helpers.paths import ROOT
from mmss_plugins.apis import testing, training

TOOLS = ROOT / 'tools'


@cache
def load_tool(name):
    """A tool as a module, for example 'analysis/table.py', or 'synthetic' of the projects."""
    path = TOOLS / name if name.endswith('.py') else ROOT / 'projects' / name / '__main__.py'
    spec = importlib.util.spec_from_file_location(f'tool_{Path(name).stem}', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class FakedSteps:
    """What the commands of training and testing would leave.

    ``calls`` holds (task, config's name, its seed, other facts) of every command; a name in
    ``failing`` fails; in ``cut``, training is interrupted after it has saved a checkpoint.
    ``configs`` holds the last config that each task built; ``best`` names further checkpoints that
    training leaves, ``metrics`` what a test writes.
    """

    def __init__(self):
        self.calls, self.failing, self.cut, self.configs = [], set(), set(), {}
        self.best, self.metrics = (), ['aAcc', 'mAcc', 'mIoU', 'mDice']
        self.tools = {'train': training, 'test': testing}

    def runner(self, log_dir):
        """For one run; all write into the same record."""
        self.log_dir = log_dir
        return self

    def run(self, name, command, show=None):
        self.log_dir.mkdir(parents=True, exist_ok=True)
        path = Path(command[0])
        task = path.parent.name if path.stem == '__main__' else path.stem
        assert path.is_relative_to(ROOT), 'the commands of the checkout are run'
        if task not in self.tools:
            self.calls.append((task, *command[1:]))
            return
        tool = self.tools[task]
        args = tool.parse_args(command[1:])
        if task == 'test':
            assert Path(args.checkpoint).is_file()
        cfg = tool.prepare(args)
        self.configs[task] = cfg
        run = Path(args.config).stem, cfg.randomness.seed
        work_dir = Path(cfg.work_dir)
        work_dir.mkdir(parents=True, exist_ok=True)
        fact = Path(args.checkpoint).name if task == 'test' else bool(cfg.resume)
        self.calls.append((task, *run, fact))
        if run in self.failing:
            raise RuntimeError(f'no memory for {name}')
        if task == 'train':
            self._train(work_dir, run)
        else:
            self._test(work_dir, run[1])

    def _train(self, work_dir, run):
        state = {'state_dict': {}, 'optimizer': {}, 'meta': {'epoch': 9, 'iter': 90}}
        torch.save(state, work_dir / 'epoch_9.pth')
        for file in self.best:
            (work_dir / file).touch()
        (work_dir / 'last_checkpoint').write_text(str(work_dir / 'epoch_9.pth'))
        if run in self.cut:
            raise KeyboardInterrupt

    def _test(self, work_dir, seed):
        folder = work_dir / '20260101_000000'
        folder.mkdir(exist_ok=True)
        scores = {'aAcc': 80.0 + seed, 'mAcc': 70.0, 'mIoU': 60.0 + 2 * seed, 'mDice': 65.0}
        written = {name: scores[name] for name in self.metrics}
        (folder / '20260101_000000.json').write_text(json.dumps(written))
