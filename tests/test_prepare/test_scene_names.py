from datetime import datetime

import pytest

from mmss_plugins.prepare.scene_names import acquisition_time


@pytest.mark.parametrize(
    ('name', 'time'),
    [
        (
            'S1A_IW_GRDH_1SDV_20200607T010800_20200607T010825_032904_03CFBA_D457',
            datetime(2020, 6, 7, 1, 8),
        ),
        (
            'S1B_IW_GRDH_1SDH_20201109T060646_20201109T060711_024188_02DFA4_1F3B',
            datetime(2020, 11, 9, 6, 6, 46),
        ),
        ('20200604T054639_20200604T054831_T43RCP', datetime(2020, 6, 4, 5, 46, 39)),
        (
            'S2A_MSIL1C_20200604T054641_N0209_R120_T43RCP_20200604T081113',
            datetime(2020, 6, 4, 5, 46, 41),
        ),
    ],
)
def test_product_names(name, time):
    assert acquisition_time(name) == time


@pytest.mark.parametrize(
    'name',
    [
        '',
        'season0',
        '20200604',
        '20200230T054639_20200604T054831_T43RCP',
        'metadata.json',
        '.DS_Store',
    ],
)
def test_other_names(name):
    assert acquisition_time(name) is None
