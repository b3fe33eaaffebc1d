"""The bytes of a pickle, read piece by piece, every length checked before it is used."""

from __future__ import annotations

from typing import TypeVar

from mmss_plugins.store.errors import LegacyFormatError

Text = TypeVar('Text', str, bytes)

MAX_LINE = 64  # characters of a number or name in text
_BLOCK = 1 << 16


class PickleInput:
    """A position in a pickle.

    Args:
        data: The pickle.
        where: Text for error messages: path and key.
    """

    def __init__(self, data: memoryview, where: str) -> None:
        self._data, self._where = data, where
        self.at = 0
        self._copied = 0  # characters and bytes made so far

    @property
    def left(self) -> int:
        """Number of bytes to come."""
        return len(self._data) - self.at

    def refused(self, found: str) -> LegacyFormatError:
        """The error to raise."""
        return LegacyFormatError(
            f'{self._where}: the pickle is refused, and nothing of it was run: expected a tuple of '
            f'bytes, strings and integers only, but found {found}'
        )

    def take(self, count: int) -> memoryview:
        """The next bytes, as a view."""
        if not 0 <= count <= self.left:
            raise self.refused(f'a length of {count} at byte {self.at} with {self.left} left')
        self.at += count
        return self._data[self.at - count : self.at]

    def code(self) -> int:
        """The next byte."""
        if self.at >= len(self._data):
            raise self.refused('no end')
        self.at += 1
        return self._data[self.at - 1]

    def number(self, size: int, signed: bool = False) -> int:
        """The next little-endian number."""
        return int.from_bytes(self.take(size), 'little', signed=signed)

    def line(self) -> bytes:
        """The next line, a short one."""
        line = bytes(self._data[self.at : self.at + MAX_LINE])
        end = line.find(b'\n')
        if end < 0:
            raise self.refused(f'no end of line within {MAX_LINE} bytes at byte {self.at}')
        self.at += end + 1
        return line[:end]

    def long_line(self) -> memoryview:
        """The next line of any length, as a view."""
        for start in range(self.at, len(self._data), _BLOCK):
            end = bytes(self._data[start : start + _BLOCK]).find(b'\n')
            if end >= 0:
                line = self.take(start + end - self.at)
                self.at += 1
                return line
        raise self.refused(f'a text without an end at byte {self.at}')

    def made(self, value: Text) -> Text:
        """Count a copy: all of them together must not outgrow the record."""
        self._copied += len(value)
        if self._copied > 2 * len(self._data):
            raise self.refused('texts that grow beyond the size of the record')
        return value

    def decode(self, data: memoryview, encoding: str) -> str:
        """A text from bytes; it counts as a copy."""
        try:
            text = str(data, encoding)
        except UnicodeDecodeError as error:
            raise self.refused(f'a text that is not {encoding} before byte {self.at}') from error
        return self.made(text)
