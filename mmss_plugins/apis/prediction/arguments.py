"""Arguments of the command that predicts scenes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from mmss_plugins.checkpoints.spec.input_specification import AERIAL
from mmss_plugins.cli.options import positive
from mmss_plugins.cli.run_options import KeyValueAction
from mmss_plugins.cli.usage import UsageError
from mmss_plugins.raster.s2_offset import AUTO
from mmss_plugins.raster.scene_files import scene_name

DESCRIPTION = """Predict whole scenes: GeoTIFF in, GeoTIFF class maps out, in the scene's grid and
reference system. Windows overlap and are blended; scenes may be of any size. What the network
wants (bands, units, normalisation) is read from the checkpoint."""
EPILOG = """outputs, per scene:
  OUT/{scene}_classes.tif        class indices, 255 without data, with class names and colours
  OUT/{scene}_classes.json       pixels per class
  OUT/{scene}_confidence.tif     highest probability (--confidence)
  OUT/{scene}_probabilities.tif  one band per class (--probabilities)
  OUT/{scene}_entropy.tif        entropy of the probabilities, 0 to 1 (--entropy)
  OUT/{scene}_margin.tif         highest probability less the second (--margin)

exit status:
  0  every scene is predicted
  1  some scenes could not be; they are listed with the reason
  2  wrong arguments, config or checkpoint

examples:
  %(prog)s pspnet_r50_50e_dfc2020-s2_cromss best.pth scene_a.tif scene_b.tif --out maps
  %(prog)s pspnet_r50_50e_dfc2020-s2_cromss best.pth S2A_MSIL1C.SAFE/GRANULE/L1C/IMG_DATA \\
      --nodata 0 --s2-offset 1000 --out maps
  %(prog)s cromss_mid_r50_13b_200e_noldo best.pth --s1 s1.tif --s2 s2.tif --out maps
"""
WINDOW = 256
MODALITIES = ('s1', 's2', AERIAL)


def parse_args(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line's arguments."""
    parser = argparse.ArgumentParser(
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help="path of a config, or the name of one of the package's")
    parser.add_argument('checkpoint', help='checkpoint of that config')
    parser.add_argument(
        'scenes', nargs='*', type=Path, metavar='SCENE',
        help='GeoTIFF (or VRT, JPEG 2000, PNG, JPEG), or a folder with one file per band; for '
        'models of one modality',
    )  # fmt: skip
    for name in ('s1', 's2'):
        parser.add_argument(
            f'--{name}', nargs='+', type=Path, default=[], metavar='SCENE',
            help=f"the scenes' Sentinel-{name[1]} part, for models of both, in the same order",
        )  # fmt: skip
    parser.add_argument('--out', type=Path, required=True, help='folder of the maps')
    parser.add_argument('--confidence', action='store_true', help='also write confidences')
    parser.add_argument('--probabilities', action='store_true', help='also write probabilities')
    parser.add_argument(
        '--entropy', action='store_true', help='also write the entropy, 0 (certain) to 1'
    )
    parser.add_argument(
        '--margin', action='store_true',
        help='also write the highest probability less the second',
    )  # fmt: skip
    parser.add_argument(
        '--tta', action='store_true',
        help='average over the four flips of each window (test-time augmentation), which takes '
        'four times as long',
    )  # fmt: skip
    parser.add_argument(
        '--window', type=positive, metavar='PIXELS',
        help=f"edge of the windows (default: the config's training crop, or {WINDOW})",
    )  # fmt: skip
    parser.add_argument(
        '--overlap', type=int, metavar='PIXELS',
        help='overlap of neighbouring windows (default: a quarter of the window)',
    )  # fmt: skip
    parser.add_argument(
        '--batch-size', type=positive, default=8, help='windows per batch (default: 8)'
    )
    parser.add_argument(
        '--workers', type=int, default=1, help='processes that read ahead (default: 1)'
    )
    parser.add_argument('--device', help='device of the model (default: the GPU if there is one)')
    parser.add_argument('--amp', action='store_true', help='automatic mixed precision')
    _add_values(parser)
    parser.add_argument(
        '--overwrite', action='store_true', help='predict again the scenes whose maps exist'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=KeyValueAction, metavar='KEY=VALUE',
        help='override settings of the config',
    )  # fmt: skip
    parser.set_defaults(launcher='none', work_dir=None, local_rank=0)
    return parser.parse_intermixed_args(argv)


def _add_values(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group('values of the scenes')
    group.add_argument(
        '--nodata', type=float, help='value of pixels without data, if the files declare none'
    )
    group.add_argument(
        '--s2-scale', type=float, default=1,
        help='factor from Sentinel-2 values to reflectance x 10000 (10000 for reflectances)',
    )  # fmt: skip
    group.add_argument(
        '--s2-offset', type=_offset, metavar='DN',
        help='subtracted after scaling: 1000 for processing baseline 04.00 or later, 0 for none; '
        "auto takes it from each scene's metadata, name or tags; without the option, a scene that "
        'seems to have the offset is refused',
    )  # fmt: skip
    group.add_argument(
        '--s1-linear', action='store_true', help='Sentinel-1 values are linear power, not dB'
    )
    group.add_argument(
        '--any-pixel-size', action='store_true',
        help='predict scenes whose pixels are over three times larger or smaller than in training',
    )  # fmt: skip
    for name in MODALITIES:
        group.add_argument(
            f'--{name}-bands', type=_names, metavar='NAMES',
            help="the bands of each file in order, with commas, if the files do not name them",
        )  # fmt: skip


def _offset(text: str) -> float | str:
    return AUTO if text == AUTO else float(text)


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(',')]
    if not all(names):
        raise argparse.ArgumentTypeError(f'expected names with commas between, but got {text!r}')
    return names


def scenes_of(args: argparse.Namespace, modalities: Sequence[str]) -> list[dict[str, Path]]:
    """The files of each scene, by modality.

    Raises:
        UsageError: If they are not those that the model wants, or two scenes have one name.
    """
    parts = {'s1': args.s1, 's2': args.s2}
    named = {name: paths for name, paths in parts.items() if paths}
    if len(modalities) == 1 and args.scenes:
        if named:
            raise UsageError(f'give the scenes, or --{" and --".join(named)}, but not both')
        named = {modalities[0]: args.scenes}
    if (args.scenes and len(modalities) > 1) or set(named) != set(modalities):
        wanted = ' and '.join(
            f'--{name} SCENE...' for name in modalities
        ) if len(modalities) > 1 else f'SCENE... ({modalities[0]})'  # fmt: skip
        found = [f'--{name}' for name in parts if parts[name]] + ['SCENE'] * bool(args.scenes)
        raise UsageError(
            f'the model wants {" and ".join(modalities)}: expected {wanted}, but got '
            f'{" and ".join(found) or "no scene"}{_one_modality_hint(modalities)}'
        )
    if len({len(paths) for paths in named.values()}) > 1:
        counts = ', '.join(f'{len(paths)} of --{name}' for name, paths in named.items())
        raise UsageError(f'expected as many scenes of each modality, but got {counts}')
    scenes = [dict(zip(named, paths, strict=True)) for paths in zip(*named.values(), strict=True)]
    names = [scene_name(scene[modalities[-1]]) for scene in scenes]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f'more than one scene is named {", ".join(twice)}, and the maps would have one name: '
            'predict them into folders of their own'
        )
    return scenes


def _one_modality_hint(modalities: Sequence[str]) -> str:
    if len(modalities) == 1:
        return ''
    return (
        f' (a cross-modal model can predict from one alone: --cfg-options '
        f'model.test_cfg.predict={modalities[-1]})'
    )
