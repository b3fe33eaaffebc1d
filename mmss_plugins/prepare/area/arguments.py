"""Options of ``mmss prepare area``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from mmss_plugins.cli.options import not_negative, positive
from mmss_plugins.prepare.area import products as known
from mmss_plugins.prepare.area.patches import SAMPLING
from mmss_plugins.prepare.group_splits import share
from mmss_plugins.store.creation.commands import make_parser
from mmss_plugins.store.season_index import SEASONS

EXAMPLES = """  %(prog)s data/ruhr.lmdb --bbox 6.8 51.3 7.6 51.7 --year 2021 --quantise clip8
  %(prog)s data/kenya.lmdb --area kenya.geojson --number 2000 --sampling random \\
      --dates 2021-02-01 2021-08-01
  %(prog)s data/places.lmdb --points places.csv --year 2020 --labels io-lulc
  %(prog)s data/again.lmdb --items data/ruhr.lmdb.items.json
"""
SEARCHED = (  # options that --items replaces
    'year', 'dates', 'days', 'number', 'sampling', 'seed', 'size', 'catalogue', 'labels',
    'max_cloud', 'search_only',
)  # fmt: skip
SEASON_DAYS = ('03-20', '06-21', '09-22', '12-21')  # the seasons of SSL4EO-S12


def parse_arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line, checked; exits with status 2 where it is wrong."""
    parser = make_parser(
        'Patches of an area on the map from STAC catalogues to one LMDB store with up to four '
        'seasons per patch, as CromSS pretraining reads them: Sentinel-1 in dB, Sentinel-2 as '
        'reflectance x 10000 without the offset of processing baseline 04.00, and noisy labels '
        'from a land-cover map, in the nine classes of Dynamic World; labels under clouds are '
        'ignored. Bands come to the 10 m UTM grid of the patch, images by bilinear resampling, '
        'labels by the nearest pixel. The items found are listed in OUT.items.json. A run that '
        'was interrupted is continued.',
        EXAMPLES,
    )
    add = parser.add_argument
    add('out', type=Path, metavar='OUT', help='the store, a directory such as data/area.lmdb')
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument(
        '--bbox',
        nargs=4,
        type=float,
        metavar=('WEST', 'SOUTH', 'EAST', 'NORTH'),
        help='the area as a box, in degrees of longitude and latitude',
    )
    where.add_argument(
        '--area',
        type=Path,
        metavar='FILE',
        help='the area as polygons (.geojson, .gpkg, .shp, ...), in any reference system',
    )
    where.add_argument(
        '--points',
        type=Path,
        metavar='CSV',
        help='a patch around each place of a CSV file with the columns lon and lat, in degrees',
    )
    where.add_argument(
        '--items',
        type=Path,
        metavar='JSON',
        help='make the store again from the list of items of another (OUT.items.json)',
    )
    when = parser.add_mutually_exclusive_group()
    when.add_argument(
        '--year',
        type=int,
        help=f'four seasons of this year, around {", ".join(SEASON_DAYS)}',
    )
    when.add_argument(
        '--dates',
        nargs='+',
        type=_date,
        metavar='DATE',
        help='one to four dates instead, such as 2021-06-21',
    )
    add(
        '--days',
        type=_search_days,
        default=45,
        metavar='N',
        help='search images up to N days before and after each date (default: 45)',
    )
    add('--number', type=positive, metavar='N', help='at most N patches (default: all)')
    add(
        '--sampling',
        choices=SAMPLING,
        default='grid',
        help='which patches, if not all: evenly spaced ones of the grid, a random choice, or those '
        'of ten times as many that give each class of the land-cover map its share '
        '(default: grid)',
    )
    add('--seed', type=not_negative, default=0, help='of the random choice (default: 0)')
    add(
        '--size',
        type=positive,
        default=264,
        metavar='PX',
        help='pixels of 10 m along each side of a patch (default: 264, as SSL4EO-S12)',
    )
    add(
        '--catalogue',
        default='planetary-computer',
        metavar='NAME',
        help=f'{" or ".join(known.PRESETS)}, or a .json file that maps collections and assets of '
        'any STAC API (default: planetary-computer)',
    )
    add(
        '--labels',
        choices=list(known.LABELS),
        help="land-cover product instead of the catalogue's",
    )
    add(
        '--max-cloud',
        type=_percent,
        default=60.0,
        metavar='PERCENT',
        help='do not consider scenes of Sentinel-2 with more cloud cover (default: 60)',
    )
    add(
        '--max-patch-cloud',
        type=share,
        default=0.2,
        metavar='SHARE',
        help='take the next scene where clouds and their shadows cover more than this share of a '
        'patch, by the scene classification; from 0 to 1 (default: 0.2)',
    )
    add(
        '--max-days',
        type=_days,
        default=15.0,
        metavar='N',
        help='skip a patch if, in any season, no image of Sentinel-1 is at most N days from that '
        'of Sentinel-2 (default: 15)',
    )
    add(
        '--quantise',
        choices=['clip8'],
        help='store images in 8 bits (mean +- 2 standard deviations per band to 0..255), a '
        'quarter of the size (default: keep the type)',
    )
    add(
        '--search-only',
        action='store_true',
        help='write OUT.items.json and stop; the same command without this fetches the patches',
    )
    arguments = parser.parse_args(argv)
    _check(parser, arguments)
    return arguments


def _check(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    if arguments.items is None and arguments.year is None and arguments.dates is None:
        parser.error('expected --year or --dates')
    if arguments.items is not None:
        given = [
            f'--{name.replace("_", "-")}'
            for name in SEARCHED
            if getattr(arguments, name) != parser.get_default(name)
        ]
        if given:
            parser.error(f'--items has what was searched for: expected no {", ".join(given)}')
    if arguments.year is not None and not 2015 <= arguments.year <= datetime.now().year:
        parser.error(f'--year {arguments.year}: Sentinel-2 has images since 2015')
    if arguments.dates is not None and len(arguments.dates) > len(SEASONS):
        parser.error(f'--dates: expected at most {len(SEASONS)}, but got {len(arguments.dates)}')
    if arguments.bbox:
        west, south, east, north = arguments.bbox
        if not (-180 <= west < east <= 180 and -80 <= south < north <= 84):
            parser.error(
                f'--bbox {west:g} {south:g} {east:g} {north:g}: expected WEST < EAST within -180 '
                'to 180 and SOUTH < NORTH within -80 to 84; divide a box across 180 degrees'
            )
    if not arguments.catalogue.endswith('.json') and arguments.catalogue not in known.PRESETS:
        parser.error(
            f'--catalogue {arguments.catalogue}: expected one of {list(known.PRESETS)}, or a file '
            'that ends with .json'
        )


def _date(text: str) -> str:
    return datetime.strptime(text, '%Y-%m-%d').date().isoformat()


def _percent(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100:
        raise argparse.ArgumentTypeError(f'expected 0 to 100, but got {text}')
    return value


def _days(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 366:
        raise argparse.ArgumentTypeError(f'expected 0 to 366 days, but got {text}')
    return value


def _search_days(text: str) -> int:
    return int(_days(str(positive(text))))
