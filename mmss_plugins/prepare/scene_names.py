"""Acquisition times of Sentinel scenes, from their product names."""

from __future__ import annotations

import re
from datetime import datetime

_TIME = r'(\d{8}T\d{6})'
_PRODUCTS = (
    # S1A_IW_GRDH_1SDV_20200607T010800_20200607T010825_032904_03CFBA_D457
    re.compile(
        rf'S1[A-D]_[A-Z0-9]{{2}}_[A-Z0-9_]{{4}}_[A-Z0-9]{{4}}_{_TIME}_\d{{8}}T\d{{6}}(?:_.*)?'
    ),
    # 20200604T054639_20200604T054831_T43RCP, Earth Engine's short form
    re.compile(rf'{_TIME}_\d{{8}}T\d{{6}}_T\d{{2}}[A-Z]{{3}}'),
    # S2A_MSIL1C_20200604T054639_N0209_R120_T43RCP_20200604T081113
    re.compile(rf'S2[A-D]_MSIL(?:1C|2A)_{_TIME}_.+'),
)


def acquisition_time(name: str) -> datetime | None:
    """When a scene was acquired (start of sensing, UTC); None if the name is no product name."""
    for pattern in _PRODUCTS:
        match = pattern.fullmatch(name)
        if match:
            try:
                return datetime.strptime(match[1], '%Y%m%dT%H%M%S')
            except ValueError:  # the 31st of February
                return None
    return None
