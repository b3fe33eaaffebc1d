"""Whether a VRT, which is a text that refers to other files, refers to local rasters alone.

GDAL reads such texts generously: the case of names does not count, attributes and elements are the
same, and a file that is referred to is opened by whichever driver knows it. So every spelling but
GDAL's own is refused here, and every file is opened by the driver of its suffix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

from mmss_plugins.raster.errors import RasterError

MAX_BYTES = 16 << 20
_SOURCES = ('SourceFilename', 'SourceDataset')
_RELATIVE = 'relativetovrt'
_KINDS = {  # of data sets and bands, by lower-case name of the attribute
    'vrtwarpeddataset',
    'vrtpansharpeneddataset',
    'vrtsourcedrasterband',
    'vrtwarpedrasterband',
    'vrtpansharpenedrasterband',
    'vrtderivedrasterband',
}
_REMOTE = '/vsi', '://'
_FILES_IN_METADATA = ('overview_file', 'x_dataset', 'y_dataset')


def check_vrt(path: Path, check_source: Callable[[Path], None]) -> None:
    """Check that a VRT refers to local files only, and runs no code.

    Args:
        path: The VRT.
        check_source: Opens a file that is referred to, and raises if it is not as it should be.

    Raises:
        RasterError: If it is not so.
    """
    if path.stat().st_size > MAX_BYTES:
        raise RasterError(f'{path}: the VRT is larger than {MAX_BYTES >> 20} MiB')
    try:
        content = path.read_bytes()
        if b'<!' in content.replace(b'<!--', b'').replace(b'<![CDATA[', b''):
            raise RasterError(f'{path}: expected a plain VRT, but found a document type')
        root = ElementTree.fromstring(content)
        sources = list(dict.fromkeys(_sources(path, root)))
    except (ElementTree.ParseError, OSError, ValueError, LookupError) as error:
        raise RasterError(f'{path}: unreadable VRT ({error})') from error
    for source in sources:
        check_source(source)


def _sources(path: Path, root: ElementTree.Element) -> Iterator[Path]:
    for element in root.iter():
        attributes = {name.lower(): value for name, value in element.attrib.items()}
        pairs = [(element.tag.lower(), (element.text or '').strip()), *attributes.items()]
        for name, value in pairs:
            _check_pair(path, name, value, attributes.get('key', ''))
        if element.tag in _SOURCES:
            yield _source(path, element, attributes)
        elif {name for name, _ in pairs} & {name.lower() for name in (*_SOURCES, _RELATIVE)}:
            raise RasterError(
                f'{path}: expected references as <{_SOURCES[0]}>, but found {element.tag} '
                f'{dict(element.attrib)}: write the VRT with GDAL'
            )


def _check_pair(path: Path, name: str, value: str, key: str) -> None:
    """Check the name (in lower case) and value of an element or attribute."""
    if name == 'subclass' and value.lower() not in _KINDS:
        raise RasterError(f'{path}: a VRT of type {value} is not read: convert it to GeoTIFF')
    if name == 'pixelfunctioncode' or (name == 'pixelfunctionlanguage' and value.lower() != 'c'):
        raise RasterError(
            f'{path}: the VRT holds code that reading it would run, which is refused: if you trust '
            'it, convert the VRT to GeoTIFF'
        )
    harmless = name == 'mdi' and '/vsi' not in value and key.lower() not in _FILES_IN_METADATA
    # '<' begins a data set that is written out in place of a name
    if not harmless and (value.startswith('<') or any(sign in value for sign in _REMOTE)):
        raise _refers_elsewhere(path, value)


def _source(path: Path, element: ElementTree.Element, attributes: dict[str, str]) -> Path:
    name, relative = (element.text or '').strip(), attributes.get(_RELATIVE, '0')
    if len(element) or relative not in ('0', '1'):
        raise RasterError(f'{path}: expected a reference to a file, but found {element.tag} {name}')
    source = path.parent / name if relative == '1' else Path(name)
    if not source.is_file():
        raise _refers_elsewhere(path, name)
    return source


def _refers_elsewhere(path: Path, name: str) -> RasterError:
    return RasterError(
        f'{path}: expected references to local files, but found {name!r}: download it first, and '
        'refer to the copy'
    )
