"""Where the files of the aerial parts go, and which place each of them shows."""

from __future__ import annotations

from pathlib import PurePosixPath

from mmss_plugins.prepare.potsdam_tiles import TEST, TRAIN
from projects.synthetic.plan import LOVEDA, POTSDAM

POTSDAM_IMAGES = {'RGB': '2_Ortho_RGB', 'IRRG': '3_Ortho_IRRG', 'RGBIR': '4_Ortho_RGBIR'}
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
    """Kind of file to its path, relative to the data set's folder.

    Kinds are the bands 'RGB', 'IRRG', 'RGBIR', then 'dsm', 'label' and 'no boundary'; but for the
    last two also 'RGB world' and so on, the world file next to it. Labels are in no folder, as in
    their archive.
    """
    root, name = PurePosixPath('potsdam'), tile_name(stream, index)
    row, col = map(int, name.split('_'))
    files = {
        bands: root / folder / f'top_potsdam_{name}_{bands}.tif'
        for bands, folder in POTSDAM_IMAGES.items()
    }
    files['dsm'] = root / '1_DSM' / f'dsm_potsdam_{row:02d}_{col:02d}.tif'
    files |= {f'{kind} world': path.with_suffix('.tfw') for kind, path in files.items()}
    label = f'top_potsdam_{name}_label'
    files['label'] = root / f'{label}.tif'
    files['no boundary'] = root / '5_Labels_all_noBoundary' / f'{label}_noBoundary.tif'
    return files


def loveda_files(stream: int, index: int) -> dict[str, PurePosixPath]:
    """Path of an 'image' and, except in Test, its 'mask', relative to the data set's folder."""
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
