"""Where the files of the aerial parts go, and which place each of them shows."""

from __future__ import annotations

from pathlib import PurePosixPath

from mmss_plugins.mini_world.plan import LOVEDA, POTSDAM
from mmss_plugins.prepare.potsdam_tiles import (
    DSM_FOLDER,
    IMAGE_FOLDERS,
    LABEL_FOLDERS,
    NO_BOUNDARY,
    TEST,
    TRAIN,
)

TILES = {'train': TRAIN, 'test': TEST}
FIRST_NUMBER = {  # of the real images, whose numbers are not shared between folders
    ('Train', 'Rural'): 0,
    ('Train', 'Urban'): 1366,
    ('Val', 'Rural'): 2522,
    ('Val', 'Urban'): 3514,
    ('Test', 'Rural'): 4191,
    ('Test', 'Urban'): 5167,
}


def tile_name(stream: int, index: int) -> str:
    """Name of a Potsdam tile, such as '2_10'."""
    return TILES[POTSDAM[stream]][index]


def potsdam_files(stream: int, index: int) -> dict[str, PurePosixPath]:
    """Kind of file to its path, relative to the world's folder.

    Kinds are the bands 'RGB', 'IRRG', 'RGBIR', then 'label', 'no boundary' and 'dsm'.
    """
    root, name = PurePosixPath('potsdam'), tile_name(stream, index)
    row, col = map(int, name.split('_'))
    files = {
        bands: root / folder / f'top_potsdam_{name}_{bands}.tif'
        for bands, folder in IMAGE_FOLDERS.items()
    }
    label = f'top_potsdam_{name}_label'
    files['label'] = root / LABEL_FOLDERS[True] / f'{label}.tif'
    files['no boundary'] = root / LABEL_FOLDERS[False] / f'{label}{NO_BOUNDARY}.tif'
    files['dsm'] = root / DSM_FOLDER / f'dsm_potsdam_{row:02d}_{col:02d}.tif'
    return files


def loveda_files(stream: int, index: int) -> dict[str, PurePosixPath]:
    """Path of an 'image' and, except in Test, its 'mask', relative to the world's folder."""
    split, scene = LOVEDA[stream]
    folder = PurePosixPath('loveda') / split / scene
    name = f'{FIRST_NUMBER[split, scene] + index}.png'
    files = {'image': folder / 'images_png' / name}
    if split != 'Test':
        files['mask'] = folder / 'masks_png' / name
    return files


def aerial_files(stream: int, index: int) -> dict[str, PurePosixPath]:
    """Kind of file to its path, of either data set."""
    return (potsdam_files if stream in POTSDAM else loveda_files)(stream, index)
