"""What a network was trained on: bands, units, normalisation, classes. It travels in checkpoints.

A specification is kept under ``checkpoint['meta']['input_contract']`` as plain lists, dicts,
strings and numbers, so it loads restricted and can be written as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mmss_plugins.checkpoints.spec.old_names import renamed
from mmss_plugins.checkpoints.spec.specification_check import (
    AERIAL,
    FieldError,
    check_specification,
    shown,
)
from mmss_plugins.version import __version__

__all__ = [
    'AERIAL',
    'SPECIFICATION_KEY',
    'InputSpecification',
    'InputSpecificationError',
    'ModalityInput',
    'specification_of',
    'plain_settings',
]

SPECIFICATION_KEY = 'input_contract'  # in the checkpoint's 'meta'
FORMAT = 1


class InputSpecificationError(RuntimeError):
    """A checkpoint was trained on other inputs than the run's, or its specification is broken."""


@dataclass(frozen=True)
class ModalityInput:
    """How a network gets one sensor's image.

    Args:
        bands: Band names, in the order of the channels.
        unit: Unit of the physical values, before any normalisation.
        normalize: 'clip8', 'standardise' or None.
        values: What ``input_mean`` is taken from: '0..1', '0..255' (8-bit images that nothing is
            done to), 'standardised', 'physical'. Heights are in metres.
        mean: Per band, in ``unit``, of the normalisation; None without one.
        std: Like ``mean``.
        input_mean: Per band, what the data preprocessor subtracts, of 8-bit images in [0, 1]; None
            if it does not.
        input_std: Per band, what it divides by, likewise.
        pixel_size: Of the training images, in metres; None where it is not known. For prediction;
            a network may be fine-tuned on another.
    """

    bands: tuple[str, ...]
    unit: str
    normalize: str | None
    values: str
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    input_mean: tuple[float, ...] | None = None
    input_std: tuple[float, ...] | None = None
    pixel_size: float | None = None


@dataclass(frozen=True)
class InputSpecification:
    """The inputs and classes that a checkpoint's network was trained on.

    Args:
        modalities: By sensor ('s1', 's2'), in the order in which their bands are stacked, or
            'aerial'.
        classes: Class names by index; empty where there are none.
        method: What trained the network; for information.
        settings: Of the method; for information.
        version: Of this package, when the specification was written.
    """

    modalities: Mapping[str, ModalityInput]
    classes: tuple[str, ...] = ()
    method: str = ''
    settings: Mapping = field(default_factory=dict)
    version: str = __version__

    def select(self, names: Sequence[str]) -> InputSpecification:
        """The specification of some of the modalities, those that are there, in its order."""
        kept = {name: value for name, value in self.modalities.items() if name in names}
        return InputSpecification(kept, self.classes, self.method, self.settings, self.version)

    def to_dict(self) -> dict:
        """As plain containers, strings and numbers."""
        return {
            'format': FORMAT,
            'modalities': [
                {'name': name, **_plain(asdict(value))} for name, value in self.modalities.items()
            ],
            'classes': list(self.classes),
            'method': self.method,
            'settings': _plain(self.settings),
            'version': self.version,
        }

    @classmethod
    def from_dict(cls, content: Any, source: str) -> InputSpecification:
        """Undo :meth:`to_dict`.

        Args:
            content: What stands under the specification's key.
            source: The file, for the message.

        Raises:
            InputSpecificationError: If it is not a specification, or one of a later format.
        """
        found = content.get('format') if isinstance(content, Mapping) else content
        if type(found) is not int or found != FORMAT:
            raise InputSpecificationError(
                f'{source}: expected an input specification of format {FORMAT}, but found '
                f'{shown(found)}: update mmss_plugins (this is {__version__}), or delete the key '
                f"'{SPECIFICATION_KEY}' from the checkpoint's 'meta'"
            )
        try:
            check_specification(content)
        except FieldError as error:
            raise InputSpecificationError(
                f'{source}: broken input specification: {error}. Take the checkpoint from where '
                'it was trained, or one that a newer mmss_plugins wrote with that version'
            ) from None
        modalities = {
            entry['name']: ModalityInput(
                **{f.name: _frozen(entry.get(f.name)) for f in fields(ModalityInput)}
            )
            for entry in content['modalities']
        }
        classes = tuple(content['classes'])
        rest = {name: content[name] for name in ('method', 'settings', 'version')}
        return cls(modalities, classes, **rest)


def specification_of(checkpoint: Mapping, source: str) -> InputSpecification | None:
    """The specification that a checkpoint carries, None if it carries none.

    Args:
        checkpoint: Its content.
        source: The file, for the message.

    Raises:
        InputSpecificationError: If it is broken.
    """
    meta = checkpoint.get('meta')
    content = meta.get(SPECIFICATION_KEY) if isinstance(meta, Mapping) else None
    return None if content is None else InputSpecification.from_dict(content, source)


def plain_settings(value: object) -> Any:
    """A config's value as plain containers, strings and numbers; types become their names."""
    return _plain(value)


def _plain(value: object) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    return value.__name__ if isinstance(value, type) else str(value)


def _frozen(value: object) -> Any:
    return tuple(value) if isinstance(value, (list, tuple)) else value


def __getattr__(name: str) -> Any:
    return renamed(__name__, name)
