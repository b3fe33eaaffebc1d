"""Checkpoint files that are packed otherwise than torch does, damaged, or made to harm."""

import struct
import zipfile


def repacked(source, target, compression=zipfile.ZIP_DEFLATED, change=None):
    """Write a checkpoint's ZIP records anew.

    Args:
        source: The file.
        target: The file to write.
        compression: Of every record.
        change: Makes of a record's name and content another content.
    """
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, 'w', compression) as new:
        for info in old.infolist():
            content = old.read(info)
            new.writestr(info.filename, change(info.filename, content) if change else content)
    return target


def flipped(source, target, record='data/0', bit=5):
    """Turn one bit round in the middle of a stored record."""
    with zipfile.ZipFile(source) as archive:
        info = next(i for i in archive.infolist() if i.filename.endswith(record))
    whole = bytearray(source.read_bytes())
    lengths = struct.unpack_from('<HH', whole, info.header_offset + 26)  # of name and extra field
    start = info.header_offset + 30 + sum(lengths)
    whole[start + info.file_size // 2] ^= 1 << bit
    target.write_bytes(whole)
    return target
