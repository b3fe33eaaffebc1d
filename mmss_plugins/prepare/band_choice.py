"""Which bands of images are used, and what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mmss_plugins.prepare.image_files import ImageInfo
from mmss_plugins.prepare.pillow_images import ALPHA
from mmss_plugins.raster.band_names import says_nothing
from mmss_plugins.raster.errors import RasterError
from mmss_plugins.utils.errors import PrepareUsageError

COLOURS = {'red': 'R', 'green': 'G', 'blue': 'B'}


@dataclass(frozen=True)
class BandChoice:
    """The bands that every image must give.

    Args:
        names: In the store, in the order of the channels.
        count: Number of bands that the files have, as most of them do.
        dtype: Type of the files.
        given: Names that the user gives all bands of a file, in order; None for none.
        wanted: What the user chooses of them, by name or number; None for all.
    """

    names: tuple[str, ...]
    count: int
    dtype: str
    given: tuple[str, ...] | None = None
    wanted: tuple[str, ...] | None = None

    def indices(self, info: ImageInfo, path: object) -> list[int]:
        """The bands of an image to read, counted from 1.

        Raises:
            RasterError: If it has other bands or another type than most.
        """
        if info.dtype != self.dtype:
            raise RasterError(
                f'{path}: expected values of type {self.dtype}, as most images have, but found '
                f'{info.dtype}'
            )
        found = chosen_bands(info, self.given, self.wanted, path)
        if tuple(found) != self.names:
            raise RasterError(
                f'{path}: expected the bands {", ".join(self.names)}, as most images have, but '
                f'found {", ".join(found)} ({info.count} bands): choose bands that all have '
                '(--bands)'
            )
        return list(found.values())


def choose_bands(
    infos: Sequence[ImageInfo],
    given: Sequence[str] | None,
    wanted: Sequence[str] | None,
) -> BandChoice:
    """What most of the images have.

    Args:
        infos: Of all images.
        given: Names of all bands of a file, in order.
        wanted: Names or numbers of those to use.

    Raises:
        PrepareUsageError: If no image fits.
    """
    given, wanted = (None if names is None else tuple(names) for names in (given, wanted))
    kinds: Counter[tuple[tuple[str, ...], int, str]] = Counter()
    reason = ''
    for info in infos:
        try:
            names = tuple(chosen_bands(info, given, wanted, 'the images'))
            kinds[names, info.count, info.dtype] += 1
        except RasterError as error:
            reason = str(error)
    if not kinds:
        raise PrepareUsageError(reason or 'no image can be read')
    (names, count, dtype), _ = kinds.most_common(1)[0]
    return BandChoice(names, count, dtype, given, wanted)


def chosen_bands(
    info: ImageInfo,
    given: tuple[str, ...] | None,
    wanted: tuple[str, ...] | None,
    where: object,
) -> dict[str, int]:
    """Name and number of each band to use.

    An alpha channel is used only where the user names it: by as many names as the file has bands,
    or by choosing its number. Otherwise it says where data are.

    Raises:
        RasterError: If the file does not have what is asked for.
    """
    opaque = [i for i, colour in enumerate(info.colours, 1) if colour != ALPHA]
    if given is not None and len(given) not in (info.count, len(opaque)):
        raise RasterError(
            f'{where}: --band-names gives {len(given)} names ({", ".join(given)}), but the file '
            f'has {info.count} bands'
        )
    if given is not None:
        numbers = range(1, info.count + 1) if len(given) == info.count else opaque
        named = dict(zip(given, numbers, strict=True))
        if len(named) != len(given):
            raise RasterError(f'--band-names {",".join(given)}: a name occurs twice')
    else:
        named = dict(zip(_own_names(info), range(1, info.count + 1), strict=True))
    if wanted is None:
        return named if given is not None else {
            name: number for name, number in named.items() if number in opaque
        }  # fmt: skip
    found = {}
    for text in wanted:
        name, number = _look_up(text, named)
        if number is None or number > info.count or name in found:
            problem = 'twice' if name in found else 'not among those of the file'
            raise RasterError(
                f'{where}: band {text} is {problem} ({", ".join(named)}): choose by number '
                f'(1 to {info.count}), or name all bands with --band-names'
            )
        found[name] = number
    return found


def _look_up(text: str, named: dict[str, int]) -> tuple[str, int | None]:
    if text in named:
        return text, named[text]
    if text.isdecimal() and int(text) > 0:
        by_number = {number: name for name, number in named.items()}
        return by_number.get(int(text), f'band{text}'), int(text)
    same = [name for name in named if name.lower() == text.lower()]
    return (same[0], named[same[0]]) if len(same) == 1 else (text, None)


def _own_names(info: ImageInfo) -> list[str]:
    """What the file calls its bands; numbers where it says nothing."""
    texts = [(text or '').strip() for text in info.descriptions]
    if all(texts) and len(set(texts)) == len(texts) and not says_nothing(texts):
        return texts
    names = [COLOURS.get(colour, '') for colour in info.colours]
    if ''.join(names) == 'RGB':
        return [name or f'band{i}' for i, name in enumerate(names, 1)]
    return [f'band{i}' for i in range(1, info.count + 1)]


def parse_names(text: str) -> tuple[str, ...]:
    """Names with commas between, as a type of argparse."""
    names = tuple(name.strip() for name in text.split(','))
    if not all(names):
        raise ValueError
    return names
