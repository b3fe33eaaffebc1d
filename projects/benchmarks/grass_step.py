"""What gradient-guided sampling costs: a guided training step against a plain one.

Time: forward, backward and SGD's step. Plain and guided steps of one model take turns, and the
ratio is the median over the pairs, so that a machine that is busy for a while slows both. For
comparison a guide that runs backward through the whole network, as one would write it down.

Memory: the peak during steps less what is resident before them (model, momentum, batch), each stage
in a process of its own.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

import mmss_plugins  # noqa: F401  (makes the installed stack usable)

# isort: split
import torch

from mmss_plugins.functional import crop_resize, guided_boxes
from mmss_plugins.models import GraSS

IMAGES, SIZE = 4, 224
NETWORKS = {18: 512, 50: 2048}  # depth: channels of the last stage
PAIRS = {18: 6, 50: 3}  # after one that is not counted
MEMORY_STEPS = 1
STATUS = Path('/proc/self/status')
PLAIN, GUIDED, FULL_BACKWARD = 'A', 'B', 'B with a full backward pass'


def rows() -> list[dict]:
    """Measure; see the store's ``rows`` for the form. The baseline is always stage A."""
    result = []
    for depth in NETWORKS:
        times = step_times(depth)
        for stage in (GUIDED, FULL_BACKWARD):
            ratios = [b / a for a, b in zip(times[PLAIN], times[stage], strict=True)]
            name = f'step of stage {stage} over stage A, ResNet-{depth}, {2 * IMAGES} views (s)'
            result.append(
                {
                    'name': name,
                    'ours': statistics.median(times[stage]),
                    'baseline': statistics.median(times[PLAIN]),
                    'ratio': statistics.median(ratios),
                    'unit': 's',
                }
            )
        if STATUS.is_file():
            result.append(_memory_row(depth))
    return result


def _memory_row(depth: int) -> dict:
    peaks = {stage: _peak_in_a_process(depth, stage) for stage in (PLAIN, GUIDED)}
    return {
        'name': f'peak memory of a step of stage B over stage A, ResNet-{depth} (MB)',
        'ours': peaks[GUIDED],
        'baseline': peaks[PLAIN],
        'ratio': peaks[GUIDED] / peaks[PLAIN],
        'unit': 'MB',
    }


def step_times(depth: int) -> dict[str, list[float]]:
    """Seconds of steps that take turns, by kind; the first of each is not counted."""
    model, optimizer, views = prepared(depth)
    times: dict[str, list[float]] = {PLAIN: [], GUIDED: [], FULL_BACKWARD: []}
    for _ in range(PAIRS[depth] + 1):
        for stage, seconds in times.items():
            start = time.perf_counter()
            step(model, optimizer, views, stage)
            seconds.append(time.perf_counter() - start)
    return {stage: seconds[1:] for stage, seconds in times.items()}


def prepared(depth: int) -> tuple[GraSS, torch.optim.Optimizer, list[torch.Tensor]]:
    """A model with an optimiser and two views."""
    torch.manual_seed(0)
    channels = NETWORKS[depth]
    model = GraSS(
        backbone={'type': 'mmpretrain.ResNet', 'depth': depth, 'out_indices': (3,)},
        neck={
            'type': 'mmss_plugins.ProjectionNeck',
            'in_channels': channels,
            'hid_channels': channels,
            'out_channels': 128,
        },
        head={'type': 'mmss_plugins.InfoNCEHead'},
    ).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    return model, optimizer, list(torch.randn(2 * IMAGES, 3, SIZE, SIZE).split(IMAGES))


def step(model: GraSS, optimizer: torch.optim.Optimizer, views: list, stage: str) -> None:
    """One training step."""
    model.set_stage(stage == GUIDED)
    inputs = views
    if stage == FULL_BACKWARD:
        inputs = crops_by_full_backward(model, torch.cat(views)).chunk(2)
    optimizer.zero_grad()
    model.loss(inputs, None)['loss'].backward()
    optimizer.step()


def crops_by_full_backward(model: GraSS, views: torch.Tensor) -> torch.Tensor:
    """Crops by gradients that a backward pass through the whole network leaves at the features."""
    features = model.extract_feat(views)
    features[-1].retain_grad()
    model.head.loss(model.neck(features)).backward()
    boxes = guided_boxes(features[-1].detach(), features[-1].grad, SIZE, model.guide.ratio)
    return crop_resize(views, boxes, SIZE)


def _peak_in_a_process(depth: int, stage: str) -> float:
    command = [sys.executable, __file__, str(depth), stage]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(run.stdout.splitlines()[-1])


def _peak(depth: int, stage: str) -> float:
    """MB that steps take beyond what is resident before the first of them."""
    model, optimizer, views = prepared(depth)
    for parameter in model.parameters():  # what the first step would make and all later ones have
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    resident = next(
        int(line.split()[1]) for line in STATUS.read_text().splitlines() if 'VmRSS' in line
    )
    for _ in range(MEMORY_STEPS):
        step(model, optimizer, views, stage)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident) / 1024


if __name__ == '__main__':
    print(json.dumps(_peak(int(sys.argv[1]), sys.argv[2])))
