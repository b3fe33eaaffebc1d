"""Small random Potsdam and LoveDA trees in the published layouts."""

import cv2
import numpy as np

from helpers.small_raw_trees import read_raw, write_tiff

# written down here, not taken from the package
POTSDAM_COLOURS = np.array(
    [[255, 255, 255], [0, 0, 255], [0, 255, 255], [0, 255, 0], [255, 255, 0], [255, 0, 0]],
    np.uint8,
)
KINDS = {
    'RGB': ('2_Ortho_RGB/top_potsdam_{}_RGB.tif', 3),
    'IRRG': ('3_Ortho_IRRG/top_potsdam_{}_IRRG.tif', 3),
    'RGBIR': ('4_Ortho_RGBIR/top_potsdam_{}_RGBIR.tif', 4),
}
LABELS = '5_Labels_all/top_potsdam_{}_label.tif'
NO_BOUNDARY = '5_Labels_all_noBoundary/top_potsdam_{}_label_noBoundary.tif'
DSM = '1_DSM/dsm_potsdam_{:02d}_{:02d}.tif'


def potsdam_path(root, kind, name):
    if kind == 'DSM':
        return root / DSM.format(*map(int, name.split('_')))
    template = {'label': LABELS, 'noBoundary': NO_BOUNDARY}.get(kind) or KINDS[kind][0]
    return root / template.format(name)


def write_potsdam(root, names, height=40, width=50, kinds=('RGB', 'label'), seed=0):
    """Write tiles; (5, 7) of every label image has a colour of no class, (0, :) is black."""
    rng = np.random.default_rng(seed)
    for name in names:
        index = rng.integers(0, 6, (height, width))
        for kind in kinds:
            if kind == 'DSM':
                array = rng.normal(40, 5, (height, width)).astype(np.float32)
            elif kind in KINDS:
                array = rng.integers(0, 256, (KINDS[kind][1], height, width)).astype(np.uint8)
            else:
                array = POTSDAM_COLOURS[index].transpose(2, 0, 1).copy()
                array[:, 0] = 0
                array[:, 5, 7] = (255, 254, 0)  # nearly a car
            write_tiff(potsdam_path(root, kind, name), array, blockysize=8)


def potsdam_label(root, name, kind='label'):
    """Class indices of a label file, by an independent reading."""
    colours = read_raw(potsdam_path(root, kind, name)).transpose(1, 2, 0)
    same = (colours[:, :, None] == POTSDAM_COLOURS).all(axis=-1)
    return np.where(same.any(axis=-1), same.argmax(axis=-1), 255)


def loveda_path(root, split, scene, number, kind='images'):
    return root / split / scene / f'{kind}_png' / f'{number}.png'


def write_png(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), array)


def write_loveda(root, numbers, size=40, masks=True, seed=0):
    """Write {(split, scene): numbers}."""
    rng = np.random.default_rng(seed)
    for (split, scene), chosen in numbers.items():
        for number in chosen:
            image = rng.integers(0, 256, (size, size, 3)).astype(np.uint8)
            write_png(loveda_path(root, split, scene, number), image)
            if masks and split != 'Test':
                mask = rng.integers(0, 8, (size, size)).astype(np.uint8)
                write_png(loveda_path(root, split, scene, number, 'masks'), mask)


def read_png(path):
    """(H, W, 3) RGB or (H, W)."""
    array = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return array[..., ::-1] if array.ndim == 3 else array
