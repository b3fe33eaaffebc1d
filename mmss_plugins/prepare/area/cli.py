"""The command ``mmss prepare area``: an area on the map to a store for pretraining."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mmss_plugins import __version__
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES, DYNAMIC_WORLD_PALETTE
from mmss_plugins.prepare.area import products as known
from mmss_plugins.prepare.area.arguments import SEASON_DAYS, parse_arguments
from mmss_plugins.prepare.area.item_list import list_digest, list_path, read_list, write_list
from mmss_plugins.prepare.area.items import PatchItems
from mmss_plugins.prepare.area.loader import CLOUDS, LABEL, PatchLoader
from mmss_plugins.prepare.area.patches import (
    STRATIFIED,
    Patch,
    choose,
    patches_in,
    read_area,
    read_points,
)
from mmss_plugins.prepare.area.products import Product
from mmss_plugins.prepare.area.search import find_items
from mmss_plugins.prepare.area.stratified import CANDIDATES, stratified
from mmss_plugins.prepare.images import image_field, label_field
from mmss_plugins.store.creation.commands import run
from mmss_plugins.store.creation.plan import Plan
from mmss_plugins.store.creation.runner import prepare_stores
from mmss_plugins.store.creation.ssl4eo_findings import findings
from mmss_plugins.store.fields import mask_field
from mmss_plugins.store.reader import StoreMeta
from mmss_plugins.utils.errors import PrepareUsageError


def describe(
    arrays: Mapping[tuple[str, str], np.ndarray],
    products: Mapping[str, Product],
    made_with: Mapping[str, Any],
) -> StoreMeta:
    """The store's description, its types being those of ``arrays``."""
    seasons = tuple(dict.fromkeys(season for season, _ in arrays))
    fields = {}
    for (_, name), array in arrays.items():
        if name == LABEL:
            fields[name] = label_field()
        elif name == CLOUDS:
            fields[name] = mask_field('scene classification of Sentinel-2 L2A')
        else:
            fields[name] = image_field(products[name].sensor, array)
    return StoreMeta(
        dataset='area',
        split='train',
        fields=fields,
        classes=DYNAMIC_WORLD_CLASSES,
        palette=DYNAMIC_WORLD_PALETTE,
        seasons=seasons,
        source={'tool': 'area', 'version': __version__, 'options': dict(made_with)},
    )


def prepare(arguments: argparse.Namespace) -> int:
    """Search the items if need be, and make the store.

    Returns:
        Number of patches that were skipped though they should not be.
    """
    path = list_path(arguments.out)
    if arguments.items is not None:
        request, tasks = read_list(arguments.items)
    else:
        request = _request(arguments)
        if path.exists() and not arguments.overwrite:
            found, tasks = read_list(path)
            if found != request:
                changed = [key for key in request if request[key] != found.get(key)]
                raise PrepareUsageError(
                    f'{path}: lists items for other options ({", ".join(changed)} differ): choose '
                    'another OUT, or --overwrite to search again and discard the store'
                )
        else:
            tasks = _search(arguments, request)
            write_list(path, request, tasks)
            print(f'items: {path}', flush=True)
    if arguments.search_only:
        return 0
    products = known.from_plain(request['products'])
    loader = PatchLoader(
        products, arguments.quantise, arguments.max_patch_cloud, arguments.max_days
    )
    classes = {str(k): v for k, v in known.CLASSES[products['labels'].kind].items()}
    made_with = {
        **request,
        'classes': classes,  # of the product, as numbers of the store's classes
        'quantise': arguments.quantise,
        'max_patch_cloud': arguments.max_patch_cloud,
        'max_days': arguments.max_days,
        'items': list_digest(tasks),
    }
    plan = Plan(
        out=arguments.out,
        title='area',
        tasks=tasks,
        load=loader,
        describe=partial(describe, products=products, made_with=made_with),
        findings=findings,
    )
    return prepare_stores([plan], arguments)


def _request(arguments: argparse.Namespace) -> dict[str, Any]:
    """What is searched for, as plain values."""
    products = dict(
        known.read_products(Path(arguments.catalogue))
        if arguments.catalogue.endswith('.json')
        else known.PRESETS[arguments.catalogue]
    )
    if arguments.labels is not None:
        products['labels'] = known.LABELS[arguments.labels]
    dates = arguments.dates or [f'{arguments.year}-{day}' for day in SEASON_DAYS]
    if arguments.bbox:
        where = {'bbox': arguments.bbox}
    else:
        file = arguments.area or arguments.points
        if not file.is_file():
            raise PrepareUsageError(f'{file}: missing file')
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        where = {'area' if arguments.area else 'points': [file.name, digest]}
    return {
        **where,
        'size': arguments.size,
        'number': arguments.number,
        'sampling': arguments.sampling,
        'seed': arguments.seed,
        'dates': dates,
        'days': arguments.days,
        'max_cloud': arguments.max_cloud,
        'pairs_within': arguments.max_days,
        'products': known.describe(products),
    }


def _search(arguments: argparse.Namespace, request: Mapping[str, Any]) -> list[PatchItems]:
    _require_search()
    number, sampling = arguments.number, arguments.sampling
    by_class = sampling == STRATIFIED and number is not None
    wanted = number * CANDIDATES if by_class else number
    patches = choose(_patches(arguments), wanted, sampling, arguments.seed)
    products = known.from_plain(request['products'])
    noons = [datetime.fromisoformat(f'{day}T12:00:00+00:00') for day in request['dates']]
    found = find_items(
        patches, products, noons, arguments.days, arguments.max_cloud, arguments.max_days
    )
    return stratified(found, products['labels'], number, arguments.seed) if by_class else found


def _patches(arguments: argparse.Namespace) -> list[Patch]:
    if arguments.points:
        return read_points(arguments.points, arguments.size)
    if arguments.area:
        return patches_in(read_area(arguments.area), arguments.size)
    from shapely.geometry import box

    return patches_in(box(*arguments.bbox), arguments.size)


def _require_search() -> None:
    try:
        import pystac_client  # noqa: F401
        import shapely  # noqa: F401
    except ImportError as error:
        raise PrepareUsageError(
            'searching catalogues needs pystac-client and shapely: pip install "mmss_plugins[stac]"'
        ) from error


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    return run(prepare, parse_arguments(argv))
