"""Config text out of a checkpoint is parsed, never run.

``Config.fromstring`` writes its text to a file and executes it. MMEngine calls it on the text that
a checkpoint holds: when a run is resumed (``meta['config']``, for the number of GPUs) and when an
inferencer is given weights and no config. What MMEngine itself writes there, its ``pretty_text``,
is plain assignments of plain values, so that reading it needs no execution.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from mmengine.config import Config
from mmengine.registry import MODELS

MAX_LENGTH = 10_000_000  # characters
# Where a dotted type may come from, beside the scopes of registries.
_PACKAGES = (
    'mmcv', 'mmdet', 'mmengine', 'mmpretrain', 'mmseg', 'mmss_plugins', 'torch.nn', 'torch.optim',
    'torch.utils.data',
)  # fmt: skip
_CONSTANTS = (bool, int, float, str, type(None))


class ConfigTextError(RuntimeError):
    """Text that should be a config holds something else than plain values."""


def install() -> None:
    """Replace ``Config.fromstring``."""
    original = Config.fromstring
    if getattr(original, 'parses_only', False):
        return

    def fromstring(cfg_str: str, file_format: str) -> Config:
        """A config from text; Python text is parsed without running it."""
        if file_format == '.py':
            return Config(parse_config_text(cfg_str))
        return original(cfg_str, file_format)

    vars(fromstring)['parses_only'] = True
    Config.fromstring = staticmethod(fromstring)


def parse_config_text(text: str) -> dict[str, object]:
    """The settings that config text assigns.

    Args:
        text: Assignments of plain values, as MMEngine's ``pretty_text`` has them: numbers, strings,
            lists, tuples, sets, dicts and calls of ``dict`` with keywords or a dict.

    Returns:
        Values by name.

    Raises:
        ConfigTextError: If the text is anything else, or a 'type' in it names something that is no
            part of a model, such as ``os.system``.
    """
    if not isinstance(text, str) or len(text) > MAX_LENGTH:
        found = f'{len(text)} characters' if isinstance(text, str) else type(text).__name__
        raise _refused(f'expected text of at most {MAX_LENGTH} characters, but found {found}')
    try:
        statements = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise _refused(f'not the text of a config: {type(error).__name__}') from None
    settings = {}
    for statement in statements:
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
            continue  # a docstring
        target = None
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            target, value = statement.targets[0], statement.value
        if not isinstance(target, ast.Name):
            raise _refused(
                f'line {statement.lineno}: expected NAME = VALUE, but found '
                f'{_shown(type(statement))}'
            )
        settings[target.id] = _value(value)
    for kind in _types(settings):
        _check_type(kind)
    return settings


def _value(node: ast.expr) -> object:
    if isinstance(node, ast.Constant) and isinstance(node.value, _CONSTANTS):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
        return _hashable([_value(item) for item in node.elts], kind, node)
    if isinstance(node, ast.Dict) and None not in node.keys:
        items = zip(node.keys, node.values, strict=True)
        pairs = [(_value(k), _value(v)) for k, v in items if k is not None]
        return _hashable(pairs, dict, node)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        number = node.operand.value if isinstance(node.operand, ast.Constant) else None
        if isinstance(number, (int, float)) and not isinstance(number, bool):
            return -number if isinstance(node.op, ast.USub) else number
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == 'dict':
        names = [keyword.arg for keyword in node.keywords]
        if not node.args and None not in names:
            return dict(zip(names, (_value(k.value) for k in node.keywords), strict=True))
        if not names and len(node.args) == 1 and isinstance(node.args[0], ast.Dict):
            return _value(node.args[0])
    raise _refused(f'line {node.lineno}: expected a plain value, but found {_shown(type(node))}')


def _hashable(items: object, kind: Callable, node: ast.expr) -> object:
    try:
        return kind(items)
    except TypeError:
        raise _refused(f'line {node.lineno}: a key or an item of a set cannot be hashed') from None


def _types(value: object) -> Iterator[str]:
    """The values of all keys 'type'."""
    if isinstance(value, dict):
        if isinstance(value.get('type'), str):
            yield value['type']
        value = value.values()
    if not isinstance(value, (str, bytes)) and hasattr(value, '__iter__'):
        for item in value:
            yield from _types(item)


def _check_type(kind: str) -> None:
    """A registry imports a dotted name and calls it: refuse what is neither a class nor MM's."""
    if '.' not in kind:
        return
    name = kind.rpartition('.')[2]
    known = any(kind.startswith(f'{package}.') for package in (*_PACKAGES, *MODELS.children))
    if not known or not (name[:1].isupper() or name.endswith('_collate')):
        raise _refused(f'type {kind!r} is no part of a model')


def _refused(reason: str) -> ConfigTextError:
    return ConfigTextError(
        f"config text in a checkpoint (its 'meta' or 'message_hub') is never run: {reason}. "
        "MMEngine writes plain values there: do not trust the file's source. If you do, give the "
        "config as a file, and delete checkpoint['meta']['config'] to resume"
    )


def _shown(kind: type) -> str:
    return f'Python code ({kind.__name__})'
