import logging
import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers.tiny_contrastive import BATCH, BATCHES, history, log_of, rows, train
from helpers.tiny_selfsup import algorithm
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.registry import DATASETS, HOOKS

TYPE = 'mmss_plugins.SSLHealthHook'
STD, RANK = 'ssl/embedding_std', 'ssl/effective_rank'
COLLAPSED = [0.9] * 3 + [0.01] * 99


pytestmark = pytest.mark.usefixtures('quick_epochs')


class KeepAllHook(Hook):
    """The embeddings of every iteration; it changes the model's flag as another hook may."""

    def __init__(self):
        self.embeddings, self.kept = [], []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.kept.append(runner.model.keep_details)
        runner.model.keep_details = True

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.embeddings.append(runner.model.details.embeddings)
        runner.model.keep_details = False


def run(work_dir, hooks=(), epochs=4, iterations=None, kill_at=None, resume=False, **kwargs):
    return train(
        work_dir, [{'type': TYPE, **kwargs}, *hooks], epochs, iterations, kill_at, resume=resume
    )


def logged(work_dir, tag):
    return {row['step']: row[tag] for row in rows(work_dir) if tag in row}


def spread(embeddings):
    embeddings = F.normalize(embeddings, dim=1).numpy()
    return embeddings.std(axis=0).mean() * np.sqrt(embeddings.shape[1])


def rank_of(embeddings):
    embeddings = F.normalize(embeddings, dim=1).double().numpy()
    values = np.linalg.svd(embeddings - embeddings.mean(axis=0), compute_uv=False)
    shares = values / values.sum()
    return np.exp(-(shares * np.log(shares)).sum())


@pytest.mark.parametrize(
    ('hook', 'iterations', 'steps', 'asked'),
    [
        ({'interval': 3}, None, [3, 6], [3, 6]),
        ({'interval': 3, 'pool': 2}, None, [3, 6], [2, 3, 5, 6, 8]),
        ({'interval': 2, 'by_epoch': True}, None, [4, 8], [4, 8]),
        ({'interval': 2, 'by_epoch': True, 'pool': 2}, None, [4, 8], [3, 4, 7, 8]),
        ({'interval': 2}, 5, [2, 4], [2, 4]),
    ],
)
def test_the_numbers_are_those_of_the_last_embeddings(tmp_path, hook, iterations, steps, asked):
    keep = KeepAllHook()
    runner = run(tmp_path, [keep], iterations=iterations, **hook)
    stds, ranks = logged(tmp_path, STD), logged(tmp_path, RANK)
    assert list(stds) == list(ranks) == steps
    pool = hook.get('pool', 1)
    for step in steps:
        assert stds[step] == pytest.approx(spread(keep.embeddings[step - 1]), rel=1e-4)
        pooled = torch.cat(keep.embeddings[step - pool : step])
        assert len(pooled) == pool * 2 * BATCH
        assert ranks[step] == pytest.approx(rank_of(pooled), rel=1e-4)
    assert len(history(runner, STD)) == len(steps)
    assert [i + 1 for i, kept in enumerate(keep.kept) if kept] == asked


def test_watching_changes_nothing(tmp_path):
    watched = run(tmp_path / 'a', interval=1)
    alone = train(tmp_path / 'b', [])
    assert history(watched, 'train/loss') == history(alone, 'train/loss')
    assert f'{STD.partition("/")[2]} ' in log_of(tmp_path / 'a')


def collapse(monkeypatch, values):
    """Make the standard deviation be what it is told to be."""
    values = iter(values)
    monkeypatch.setattr(
        'mmss_plugins.engine.hooks.ssl_health_hook.embedding_std',
        lambda _: torch.tensor(next(values)),
    )


def warned(work_dir):
    lines = [line for line in log_of(work_dir).splitlines() if 'are collapsing' in line]
    assert all('WARNING' in line for line in lines)
    return [int(line.partition('iteration ')[2].partition(':')[0]) for line in lines]


@pytest.mark.parametrize(
    ('values', 'hook', 'expected'),
    [
        (COLLAPSED, {'patience': 2}, [5, 7]),
        (COLLAPSED, {'patience': 3}, [6]),
        ([0.05, 0.05, 0.5] * 3, {'patience': 3}, []),
        ([0.05, 0.05, 0.5] * 3, {'patience': 2}, [2, 5, 8]),
        ([0.1, 0.0999] * 4, {'patience': 1}, [2, 4, 6, 8]),
        ([0.3] * 8, {'patience': 8, 'warn_std': 0.4}, [8]),
        ([float('nan')] * 8, {'patience': 4}, [4, 8]),
        ([0.0] * 8, {'patience': 1, 'warn_std': 0}, []),
    ],
)
def test_collapse_is_reported_after_checks_in_a_row(monkeypatch, caplog, values, hook, expected):
    collapse(monkeypatch, values)
    runner = SimpleNamespace(
        logger=logging.getLogger('test'),
        message_hub=MessageHub('looks'),
        visualizer=SimpleNamespace(add_scalars=lambda tags, step: None),
    )
    hook = HOOKS.build({'type': TYPE, 'interval': 1, **hook})
    for runner.iter in range(8):
        hook._recent = [torch.randn(4, 3)]
        hook._check(runner)
    warnings = [r.getMessage() for r in caplog.records if r.levelname == 'WARNING']
    assert [int(text.split()[1].rstrip(':')) for text in warnings] == expected


def test_the_checks_continue_after_a_resume(tmp_path, monkeypatch):
    collapse(monkeypatch, [0.9] * 3 + [0.0])
    run(tmp_path, interval=1, patience=3, kill_at=2 * BATCHES)
    collapse(monkeypatch, [0.0] * 9)
    run(tmp_path, interval=1, patience=3, resume=True)
    assert warned(tmp_path) == [6]  # looks 4, 5 and 6


def test_collapse_stops_training_if_it_is_to(tmp_path, monkeypatch):
    collapse(monkeypatch, COLLAPSED)
    with pytest.raises(RuntimeError, match=r'(?s)iteration 5: .* 0\.010 .*learning rate'):
        run(tmp_path, interval=1, patience=2, stop=True)


class Patches:
    """Two kinds of patches that brightness tells apart; some are unlabelled."""

    metainfo: dict = {}

    def __init__(self, size=24, unlabelled=(3, 20), draws=True):
        self.size, self.unlabelled, self.draws = size, unlabelled, draws

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        if self.draws:  # as augmentation does
            random.random(), np.random.rand(), torch.rand(1)
        generator = np.random.default_rng(index)
        label = index % 2
        image = generator.normal(100 + 20 * label, 20, (32, 32, 3)).astype(np.float32)
        labels = np.full((32, 32), 255 if index in self.unlabelled else 3 * label, np.uint8)
        return {'img': image, 'gt_seg_map': labels}


@pytest.fixture
def probe():
    """A probe config, of a data set that is registered for the test."""
    DATASETS.register_module(name='Patches', module=Patches, force=True)
    yield {'dataset': {'type': 'Patches'}, 'k': 3, 'batch_size': 5, 'interval': 3}
    DATASETS.module_dict.pop('Patches')


@pytest.mark.parametrize('kind', ['knn', 'linear'])
def test_the_probe_is_logged_every_few_epochs_and_at_the_end(tmp_path, probe, kind):
    probe['kind'] = kind
    run(tmp_path, epochs=4, probe=probe)
    scores = logged(tmp_path, 'ssl/probe_accuracy')
    assert list(scores) == [3 * BATCHES, 4 * BATCHES]
    assert min(scores.values()) >= 0.8  # even random features see brightness
    majority = logged(tmp_path, 'ssl/probe_majority')
    assert list(majority.values()) == pytest.approx([6 / 11] * 2, abs=1e-4)  # one has no label
    assert set(logged(tmp_path, 'ssl/probe_class_accuracy')) == set(scores)
    assert 'probe_accuracy 1.000' in log_of(tmp_path) or max(scores.values()) < 1


def test_the_probe_counts_iterations_where_the_loop_does(tmp_path, probe):
    run(tmp_path, iterations=5, probe={**probe, 'interval': 2})
    assert list(logged(tmp_path, 'ssl/probe_accuracy')) == [2, 4, 5]


def test_probing_leaves_training_as_it_is(tmp_path, probe):
    class DrawHook(Hook):
        """Training that draws from every generator."""

        def __init__(self):
            self.drawn = []

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            assert all(module.training for module in runner.model.modules())
            self.drawn.append((random.random(), np.random.rand(), torch.rand(1).item()))

    draws, runners = [DrawHook(), DrawHook()], []
    for name, draw, extra in (
        ('a', draws[0], {'probe': {**probe, 'interval': 1}}),
        ('b', draws[1], {}),
    ):
        runners.append(run(tmp_path / name, [draw], **extra))
    assert draws[0].drawn == draws[1].drawn
    assert history(runners[0], 'train/loss') == history(runners[1], 'train/loss')
    expected = runners[1].model.state_dict()
    for name, value in runners[0].model.state_dict().items():
        assert torch.equal(value, expected[name]), name  # BatchNorm's statistics, too


def test_a_model_without_embeddings_is_an_error():
    runner = SimpleNamespace(model=torch.nn.Linear(1, 1), train_loop=None)
    with pytest.raises(
        TypeError, match=r'self-supervised models with a backbone, but Linear has none'
    ):
        HOOKS.build({'type': TYPE}).before_train(runner)


def test_epochs_need_a_loop_with_epochs(tmp_path):
    with pytest.raises(ValueError, match='set by_epoch=False'):
        run(tmp_path, iterations=2, by_epoch=True)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        ({'interval': 0}, 'interval must .* 0'),
        ({'pool': 0}, 'pool must .* 0'),
        ({'pool': 60}, r'pool .* interval \(50\), but got 60'),
        ({'patience': 0}, 'patience'),
        ({'warn_std': 1.0}, r'warn_std .* 1\.0'),
        ({'warn_std': -0.1}, r'warn_std .* -0\.1'),
        ({'probe': {'kind': 'knn'}}, 'must have a dataset'),
        ({'probe': {'dataset': {}, 'interval': 0}}, 'interval of the probe'),
    ],
)
def test_wrong_arguments_are_errors(arguments, message):
    with pytest.raises(ValueError, match=message):
        HOOKS.get(TYPE)(**arguments)


def test_all_processes_go_by_the_numbers_of_the_first(tmp_path, monkeypatch):
    def broadcast(values):  # as another process sees it
        values.copy_(torch.tensor([0.01, 1.5]))

    module = 'mmss_plugins.engine.hooks.ssl_health_hook'
    monkeypatch.setattr(f'{module}.broadcast', broadcast)
    monkeypatch.setattr(f'{module}.is_main_process', lambda: False)
    with pytest.raises(RuntimeError, match=r'iteration 3: .* 0\.010 of .*rank 1\.5 of'):
        run(tmp_path, interval=1, patience=3, stop=True)
    assert not logged(tmp_path, STD)


@pytest.mark.parametrize(
    ('kind', 'rows_per_image'),
    [('SimCLR', 2), ('MoCo', 1), ('BYOL', 2), ('BarlowTwins', 2), ('SimSiam', 2)],
)
def test_algorithms_of_mmpretrain_are_watched(tmp_path, kind, rows_per_image):
    necks = []

    class Listen(Hook):
        """What the neck gave in the last iteration."""

        def before_train_iter(self, runner, batch_idx, data_batch=None):
            necks.clear()
            if runner.iter == 1:
                runner.model.neck.register_forward_hook(lambda *a: necks.append(a[2][0].detach()))

    hooks = [{'type': TYPE, 'interval': 2}, Listen()]
    train(tmp_path / kind, hooks, iterations=2, model=algorithm(kind))
    embeddings = torch.cat(necks)
    assert len(embeddings) == rows_per_image * BATCH
    assert logged(tmp_path / kind, STD) == {2: pytest.approx(spread(embeddings), rel=1e-4)}
    assert logged(tmp_path / kind, RANK) == {2: pytest.approx(rank_of(embeddings), rel=1e-3)}
