"""Small trees of SSL4EO-S12 with the published names and quirks, and copies in its other forms.

Sentinel-1 scenes bear Sentinel-1 names, of other days than Sentinel-2's, and their listing is not
in the order of dates; bands have their own sizes and grids that differ between sensors.
"""

import json
import shutil
import tarfile

import numpy as np
from rasterio import Affine
from rasterio.crs import CRS

from helpers.paths import ROOT
from helpers.small_raw_trees import S2_BANDS, SIZES, read_raw, write_tiff

REAL = ROOT.parent / 'shared/data/real/ssl4eo_s12'
S2_SCENES = (
    '20200324T054641_20200324T055017_T43RCP',
    '20200604T054639_20200604T054831_T43RCP',
    '20200823T054639_20200823T055618_T43RCP',
    '20201116T054119_20201116T054640_T43RCP',
)
S1_SCENES = (  # by season
    'S1B_IW_GRDH_1SDV_20200321T010720_20200321T010745_020778_027656_A1B2',
    'S1B_IW_GRDH_1SDV_20200607T010800_20200607T010825_032904_03CFBA_D457',
    'S1A_IW_GRDH_1SDV_20200903T131212_20200903T131237_034195_03F8F5_AC1C',
    'S1A_IW_GRDH_1SDV_20201112T010812_20201112T010837_035204_041C21_0F0E',
)
DAYS = (3.19, 2.81, 11.31, 4.19)  # between the two, rounded
DEGREE = 0.0001  # pixel of 10 m
SIZE = 12


def grid(column=0.0, row=0.0, pixel=1, origin=(73.29, 30.47)):
    """Transform of a grid that lies so many 10 m pixels to the east and south."""
    left, top = origin[0] + column * DEGREE, origin[1] - row * DEGREE
    return Affine(pixel * DEGREE, 0, left, 0, -pixel * DEGREE, top)


def write_images(root, locations, seasons=range(4), level='s2c', size=SIZE):
    """Write ``s1`` and ``s2c`` (or ``s2a``) under a root."""
    rng = np.random.default_rng(3)
    for number, location in enumerate(locations):
        origin = (73.29 + number * 0.1, 30.47)
        for season in seasons:
            s1 = root / 's1' / f'{location:07d}' / S1_SCENES[season]
            for band, mean in (('VV', -10), ('VH', -17)):
                image = rng.normal(mean, 3, (size, size)).astype(np.float32)
                write_tiff(s1 / f'{band}.tif', image, **place(grid(-4, -2, 1, origin)))
            s2 = root / level / f'{location:07d}' / S2_SCENES[season]
            for band in S2_BANDS:
                if band == 'B10' and level == 's2a':
                    continue
                pixel = SIZES[band]
                native = size // pixel
                image = rng.integers(*((5, 30) if band == 'B10' else (300, 5000)), (native, native))
                shift = {1: 0, 2: -0.5, 6: -2.5}[pixel]
                transform = grid(shift, shift, pixel, origin)
                write_tiff(s2 / f'{band}.tif', image.astype(np.uint16), **place(transform))
            for folder in (s1, s2):
                (folder / 'metadata.json').write_text(json.dumps({'system:index': folder.name}))


def place(transform, epsg=4326):
    return {'transform': transform, 'crs': CRS.from_epsg(epsg)}


def write_labels(images, root, folder='dw_noisy_labels', level='s2c', header=True, seed=5):
    """Label maps on the grid of the 10 m bands, and the index; in an inner folder."""
    rng = np.random.default_rng(seed)
    rows = []
    for location in sorted((images / level).iterdir()):
        scenes = sorted(scene.name for scene in location.iterdir())
        rows.append([str(int(location.name)), *scenes])
        for scene in scenes:
            import rasterio

            with rasterio.open(location / scene / 'B2.tif') as source:
                profile = {'transform': source.transform, 'crs': source.crs}
                shape = source.shape
            label = rng.integers(0, 9, shape).astype(np.uint8)
            write_tiff(root / folder / location.name / scene / 'label.tif', label, **profile)
    names = ['ids', *(f'sub{i}' for i in range(1, len(rows[0])))]
    rows = [names, *rows] if header else rows
    text = '\n'.join(','.join(row) for row in rows)
    (root / 'dw_complete_ids.csv').write_text(text + '\n')


def copy_real(root, levels=('s1', 's2c')):
    """The real location's folders, writable."""
    for name in levels:
        shutil.copytree(REAL / name, root / name, copy_function=shutil.copyfile)
        for path in (root / name).rglob('*'):
            path.chmod(0o755 if path.is_dir() else 0o644)


def pack(folder, out, stem, parts=3, order=None, mode='w:gz'):
    """A folder of locations as parts of an archive, as the tool split makes them."""
    out.mkdir(parents=True, exist_ok=True)
    whole = out / 'whole'
    with tarfile.open(whole, mode) as archive:
        archive.add(folder, folder.name, recursive=False)
        for location in order or sorted(path.name for path in folder.iterdir()):
            archive.add(folder / location, f'{folder.name}/{location}')
    data = whole.read_bytes()
    whole.unlink()
    step = -(-len(data) // parts)
    paths = [out / f'{stem}.tar.gz.part{chr(97)}{chr(97 + i)}' for i in range(parts)]
    for index, path in enumerate(paths):
        path.write_bytes(data[index * step : (index + 1) * step])
    return paths


def read_scene(folder, names):
    """Bands as an independent reading gives them, by name."""
    return {name: read_raw(folder / f'{name}.tif')[0] for name in names}
