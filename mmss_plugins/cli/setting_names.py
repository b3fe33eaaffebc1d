"""Names of settings in a config: one that nothing reads is refused before the run.

Some parts of the frameworks pass over arguments that they do not know, and the setting then has no
effect; the others end in an error from deep inside.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import cache

import mmengine.registry as registries
from mmengine.config import Config
from mmengine.registry import Registry
from mmengine.runner import Runner
from torch.utils.data import DataLoader

_LOOP = r'(train|val|test)_cfg'
# Where classes come from, by the place of their settings. The first that matches counts.
_REGISTRIES = (
    (r'(.*\.)?\w*pipeline(\.\d+)*|.*\.transforms(\.\d+)*', 'TRANSFORMS'),
    (r'.*sampler', 'DATA_SAMPLERS'),
    (r'\w+_dataloader\.(.*\.)?(dataset|datasets\.\d+)', 'DATASETS'),
    (r'default_hooks\.\w+|custom_hooks\.\d+', 'HOOKS'),
    (r'(val|test)_evaluator(\.\d+)?', 'METRICS'),
    (r'optim_wrapper', 'OPTIM_WRAPPERS'),
    (r'optim_wrapper\.optimizer', 'OPTIMIZERS'),
    (r'param_scheduler(\.\d+)?', 'PARAM_SCHEDULERS'),
    (r'visualizer', 'VISUALIZERS'),
    (r'(visualizer\.)?vis_backends\.\d+', 'VISBACKENDS'),
    (r'log_processor', 'LOG_PROCESSORS'),
    (_LOOP, 'LOOPS'),
    (r'(tta_)?model(\.(?!\w+_cfg\b)\w+)*', 'MODELS'),
)
# What MMEngine reads beside the arguments of the class.
_ALWAYS = {'type', '_scope_', '_delete_'}
_BESIDE = (
    (r'default_hooks\.\w+|custom_hooks\.\d+', {'priority'}),
    (r'optim_wrapper', {'constructor', 'paramwise_cfg'}),
    (r'param_scheduler(\.\d+)?', {'convert_to_iter_based'}),
    (r'(val|test)_evaluator', {'metrics'}),
    (_LOOP, {'by_epoch'}),
)
# Settings without a class.
_PLAIN = {
    'env_cfg': {'cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit'},
    'env_cfg.mp_cfg': {'mp_start_method', 'opencv_num_threads'},
    'auto_scale_lr': {'base_batch_size', 'enable'},
}
_LOADER = {'dataset', 'sampler', 'batch_sampler', 'collate_fn', 'worker_init_fn',
           'num_batch_per_epoch'}  # fmt: skip
_PARAMWISE = {
    'custom_keys', 'bias_lr_mult', 'bias_decay_mult', 'norm_decay_mult', 'dwconv_decay_mult',
    'flat_decay_mult', 'bypass_duplicate', 'dcn_offset_lr_mult',
}  # fmt: skip
_DEFAULTS = {'optim_wrapper': 'OptimWrapper', 'val_cfg': 'ValLoop', 'test_cfg': 'TestLoop'}
_SEGMENTORS = ('EncoderDecoder', 'mmseg.EncoderDecoder')


def unread_settings(cfg: Config) -> Iterator[str]:
    """Find settings that no part of a run reads.

    What takes arguments of any name, and what is not registered, is passed over.

    Args:
        cfg: The config of a run.

    Yields:
        A line each: the setting, what reads there, and the nearest name that it knows.
    """
    scope, plain = cfg.get('default_scope') or 'mmengine', _without_class(cfg)
    nodes = [(name, value) for name, value in cfg.items() if _is_part(name)]
    while nodes:
        place, node = nodes.pop()
        if isinstance(node, (list, tuple)):
            nodes += [(f'{place}.{index}', value) for index, value in enumerate(node)]
        if not isinstance(node, Mapping):
            continue
        nodes += [(f'{place}.{name}', value) for name, value in node.items()]
        owner, known = _known(place, node, scope, plain)
        if known is None:
            continue
        for name in node:
            if name not in known and name not in _ALWAYS:
                near = get_close_matches(str(name), sorted(known), n=1)
                hint = f'did you mean {near[0]!r}?' if near else f'it knows {sorted(known)}'
                yield f'{place}.{name}: {owner} does not read {name!r}; {hint}'


def _is_part(name: str) -> bool:
    """Whether a runner reads the setting: other names are variables of the config file."""
    return name in inspect.signature(Runner.__init__).parameters or name.startswith('tta_')


def _without_class(cfg: Config) -> dict[str, set[str]]:
    """Names by place, for settings that have no class of their own."""
    plain = {**_PLAIN, 'randomness': _named(Runner.set_randomness)}
    optimizing, model = cfg.get('optim_wrapper') or {}, cfg.get('model') or {}
    if optimizing.get('constructor') in (None, 'DefaultOptimWrapperConstructor'):
        plain['optim_wrapper.paramwise_cfg'] = _PARAMWISE
    if model.get('type') in _SEGMENTORS:
        plain['model.train_cfg'] = set()
    return plain


def _known(
    place: str, node: Mapping, scope: str, plain: Mapping[str, set[str]]
) -> tuple[str, set[str] | None]:
    """Who reads the settings at a place, and the names that it knows; None for any."""
    if place in plain:
        return place, plain[place]
    if re.fullmatch(r'\w+_dataloader', place):
        return 'the data loader', _LOADER | (_arguments(DataLoader) or set())
    kind = node.get('type', _DEFAULTS.get(place))
    if place == 'train_cfg' and kind is None:
        kind = 'EpochBasedTrainLoop' if node.get('by_epoch', True) else 'IterBasedTrainLoop'
    found = _find(place, kind, node.get('_scope_', scope))
    known = _arguments(found) if found is not None else None
    if known is None:
        return '', None
    beside = [names for pattern, names in _BESIDE if re.fullmatch(pattern, place)]
    return str(kind), known.union(*beside)


def _find(place: str, kind: object, scope: str) -> Callable | None:
    if not isinstance(kind, str):
        return kind if callable(kind) else None
    name = next((n for pattern, n in _REGISTRIES if re.fullmatch(pattern, place)), None)
    return _registered(getattr(registries, name), kind, scope) if name else None


@cache
def _registered(registry: Registry, kind: str, scope: str) -> Callable | None:
    with registry.switch_scope_and_registry(scope) as inner:
        try:
            return inner.get(kind)
        except (ImportError, KeyError):
            return None


@cache
def _arguments(target: Callable) -> set[str] | None:
    """Names that a class or function takes; None if it hands any on to where one cannot see."""
    if not inspect.isclass(target):
        return _named(target) if not _catch_all(target) else None
    names: set[str] = set()
    for base in target.__mro__:
        method = vars(base).get('__init__')
        if method is None or base is object:
            continue
        names |= _named(method)
        rest = _catch_all(method)
        passed_on, used = _uses(inspect.unwrap(method), rest)
        if used > passed_on:
            return None
        if not passed_on:
            break
    return names - {'self', 'runner', 'dataloader'}


def _named(function: Callable) -> set[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return {n for n, p in inspect.signature(function).parameters.items() if p.kind in kinds}


def _catch_all(function: Callable) -> str | None:
    parameters = inspect.signature(function).parameters.items()
    return next((n for n, p in parameters if p.kind is inspect.Parameter.VAR_KEYWORD), None)


def _uses(function: Callable, name: str | None) -> tuple[int, int]:
    """How often a constructor hands a dict of arguments to the next one, and uses it at all."""
    if name is None:
        return 0, 0
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError):
        return 0, 1
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    passing = [c for c in calls if isinstance(c.func, ast.Attribute) and c.func.attr == '__init__']
    passed_on = sum(
        keyword.arg is None and isinstance(keyword.value, ast.Name) and keyword.value.id == name
        for call in passing
        for keyword in call.keywords
    )
    used = sum(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))
    return passed_on, used
