"""Command line of prediction on scenes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from mmengine.config import Config
from mmengine.device import get_device

from mmss_plugins.apis.prediction.arguments import MODALITIES, WINDOW, parse_args, scenes_of
from mmss_plugins.apis.prediction.network_input import RawValues
from mmss_plugins.apis.prediction.predict_scene import PredictionOptions, predict_scene
from mmss_plugins.apis.prediction.scene_checks import known_offset
from mmss_plugins.apis.prediction.scene_model import SceneModel
from mmss_plugins.apis.prediction.scene_writer import (
    CLASSES,
    CONFIDENCE,
    ENTROPY,
    MARGIN,
    PROBABILITIES,
    settings_of,
)
from mmss_plugins.checkpoints.files import CheckpointFileError
from mmss_plugins.checkpoints.spec.input_specification import (
    InputSpecificationError,
    plain_settings,
)
from mmss_plugins.cli.config_files import load_config
from mmss_plugins.cli.plain_errors import usage_error
from mmss_plugins.cli.usage import UsageError, require_file
from mmss_plugins.raster import RasterError
from mmss_plugins.raster.geotiff import require_rasterio
from mmss_plugins.raster.s2_offset import AUTO
from mmss_plugins.raster.scene_files import Scene, files_of, find_scene
from mmss_plugins.store.errors import StoreWriteError
from mmss_plugins.store.lock import WriterLock
from mmss_plugins.utils.atomic_files import remove_drafts
from mmss_plugins.utils.errors import PrepareUsageError

FURTHER_MAPS = (CONFIDENCE, ENTROPY, MARGIN, PROBABILITIES)  # each an option
_WRONG_ARGUMENTS = (UsageError, CheckpointFileError, InputSpecificationError, PrepareUsageError)


def predict(args: argparse.Namespace) -> int:
    """Predict all scenes; returns how many could not be."""
    require_rasterio()
    cfg = load_config(args)
    window = args.window or training_crop(cfg) or WINDOW
    try:
        options = PredictionOptions(
            window=window,
            overlap=window // 4 if args.overlap is None else args.overlap,
            batch_size=args.batch_size,
            workers=args.workers,
            nodata=args.nodata,
            raw=RawValues(
                args.s2_scale,
                None if args.s2_offset == AUTO else args.s2_offset,
                args.s1_linear,
            ),
            any_pixel_size=args.any_pixel_size,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    require_file(args.checkpoint, 'checkpoint')
    try:
        model = SceneModel.load(cfg, args.checkpoint, args.device or get_device(), args.amp)
    except RasterError as error:
        raise UsageError(str(error)) from error
    model.flips = args.tta
    failed = 0
    for paths in scenes_of(args, tuple(model.spec.modalities)):
        try:
            _predict_one(args, model, paths, options)
        except (RasterError, StoreWriteError, OSError) as error:
            print(f'error: {error}', file=sys.stderr)
            failed += 1
    return failed


def _predict_one(
    args: argparse.Namespace,
    model: SceneModel,
    paths: Mapping[str, Path],
    options: PredictionOptions,
) -> None:
    wanted = {name: entry.bands for name, entry in model.spec.modalities.items()}
    given = {name: getattr(args, f'{name}_bands') for name in MODALITIES}
    scene = find_scene(paths, wanted, given)
    if args.s2_offset == AUTO and 's2' in scene.bands:
        raw = replace(options.raw, s2_offset=known_offset(scene, paths['s2']))
        options = replace(options, raw=raw)
    kinds = [CLASSES, *(kind for kind in FURTHER_MAPS if getattr(args, kind))]
    outputs = {kind: args.out / f'{scene.name}_{kind}.tif' for kind in kinds}
    table = outputs[CLASSES].with_suffix('.json')
    settings = _settings(args, model, scene, options)
    args.out.mkdir(parents=True, exist_ok=True)
    with WriterLock(args.out, f'predicting {scene.name}', f'.{scene.name}.lock'):
        for path in (*outputs.values(), table):
            remove_drafts(path)
        if not args.overwrite and _already_there(outputs, settings) and table.exists():
            print(f'{outputs[CLASSES]}: already there; --overwrite predicts it again')
            return
        report = predict_scene(model, scene, outputs, options, settings)
        report.write(table)
    print(report.text())
    print('written: ' + ', '.join(str(path) for path in outputs.values()), flush=True)


def _settings(
    args: argparse.Namespace, model: SceneModel, scene: Scene, options: PredictionOptions
) -> dict:
    """What a map depends on: the maps carry it, and are recognised by it."""
    sources = {source.path for bands in scene.bands.values() for source in bands.values()}
    files = sorted(file for path in sources for file in files_of(path))
    states = [file.stat() for file in files]
    settings = {
        'checkpoint': model.digest,
        'model': plain_settings(args.cfg_options or {}),
        'amp': model.amp,
        'window': options.window,
        'overlap': options.overlap,
        **({'tta': True} if model.flips else {}),
        'nodata': options.nodata,
        'values': asdict(options.raw),
        'bands': {
            name: [[band, source.path.name, source.index] for band, source in bands.items()]
            for name, bands in scene.bands.items()
        },
        'files': [
            [file.name, state.st_size, state.st_mtime_ns]
            for file, state in zip(files, states, strict=True)
        ],
    }
    return json.loads(json.dumps(settings))  # as it is read back


def _already_there(outputs: Mapping[str, Path], settings: Mapping) -> bool:
    """Whether all maps are there, whole, and made with these settings.

    Raises:
        RasterError: If one is there that is damaged, or was made otherwise.
    """
    there = [path for path in outputs.values() if path.exists()]
    for path in there:
        try:
            found = settings_of(path)
        except RasterError as error:
            raise RasterError(
                f'{error}: delete it, or predict it again with --overwrite'
            ) from error
        if found != settings:
            known = found if isinstance(found, dict) else {}
            differing = [name for name in settings if known.get(name) != settings[name]]
            raise RasterError(
                f'{path}: a map is there that was made otherwise ({", ".join(differing)} '
                f'{"differ" if len(differing) > 1 else "differs"}): choose another --out, or '
                '--overwrite it'
            )
    return len(there) == len(outputs)


def training_crop(cfg: Config) -> int | None:
    """The shorter edge of the crops that the config trains on, None if it does not crop."""
    loader = cfg.get('train_dataloader') or {}
    sizes = [step['crop_size'] for step in _steps(loader.get('dataset') or {})]
    edges = (min(size) if isinstance(size, Sequence) else size for size in sizes)
    return min(edges, default=None)


def _steps(dataset: Mapping) -> Iterator[Mapping]:
    """The cropping transforms of a data set's config, wrappers looked through."""
    for step in dataset.get('pipeline') or ():
        if 'crop_size' in step:
            yield step
    if 'dataset' in dataset:
        yield from _steps(dataset['dataset'])


def main(argv: Sequence[str] | None = None) -> int:
    """Command line; returns the exit status."""
    args = parse_args(argv)
    try:
        return 1 if predict(args) else 0
    except _WRONG_ARGUMENTS as error:
        return usage_error(error)
