from mmss_plugins.datasets import DFC2020Dataset, NoLDOPretrainDataset
from mmss_plugins.land_cover import DYNAMIC_WORLD_CLASSES, DYNAMIC_WORLD_PALETTE
from projects.synthetic import materials


def test_classes_and_colours_are_dynamic_worlds_everywhere():
    assert len(DYNAMIC_WORLD_CLASSES) == len(set(DYNAMIC_WORLD_PALETTE)) == 9
    # as Dynamic World publishes its legend
    legend = dict(zip(DYNAMIC_WORLD_CLASSES, DYNAMIC_WORLD_PALETTE, strict=True))
    assert legend['water'] == (0x41, 0x9B, 0xDF)
    assert legend['trees'] == (0x39, 0x7D, 0x49)
    assert legend['built area'] == (0xC4, 0x28, 0x1B)
    metainfo = NoLDOPretrainDataset.METAINFO
    assert metainfo['classes'] == materials.CLASSES == DYNAMIC_WORLD_CLASSES
    assert metainfo['palette'] == materials.PALETTE.tolist()
    assert metainfo['palette'] == [list(colour) for colour in DYNAMIC_WORLD_PALETTE]
    assert DFC2020Dataset.METAINFO['palette'] == metainfo['palette'][:8]
    assert materials.CLASSES[materials.BUILT] == 'built area'
    assert materials.CLASSES[materials.SNOW] == 'ice and snow'
