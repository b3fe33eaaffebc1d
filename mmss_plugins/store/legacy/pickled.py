"""Reading pickles of plain values without unpickling: a small interpreter.

It knows the opcodes that tuples, bytes, strings and integers need (protocols 0 to 5), and no other.
A pickle may name only what NumPy's integers, and the bytes of protocols 0 to 2, are made of; those
names are compared as text and never looked up, so nothing can be imported or called. Lengths are
compared with what is left before they are used, and steps, nesting and copies are limited.
"""

from __future__ import annotations

import pickletools
import re
from collections.abc import Callable
from enum import Enum

from mmss_plugins.store.legacy.pickle_input import PickleInput

Value = tuple | bytes | memoryview | str | int

MAX_STEPS = 1000  # opcodes; the records of the known layouts have less than 100
MAX_ITEMS = 1000  # of the value, counted with repetitions
MAX_DEPTH = 16
MAX_INT_BYTES = 16
_INTEGER = re.compile(rb'-?[0-9]{1,38}')


class _Name(Enum):
    """What a pickle may name."""

    SCALAR = 'numpy scalar'
    DTYPE = 'numpy type'
    ENCODE = 'codecs.encode'
    BYTES = 'bytes'


_NAMES = {
    ('numpy.core.multiarray', 'scalar'): _Name.SCALAR,
    ('numpy._core.multiarray', 'scalar'): _Name.SCALAR,
    ('numpy', 'dtype'): _Name.DTYPE,
    ('_codecs', 'encode'): _Name.ENCODE,
    ('__builtin__', 'bytes'): _Name.BYTES,
    ('builtins', 'bytes'): _Name.BYTES,
}


class _IntegerType:
    """A NumPy integer type; its byte order comes with a later opcode."""

    def __init__(self, code: str) -> None:
        self.signed = code[0] == 'i'
        self.size = int(code[1])
        self.order: str | None = None


def read_pickle(data: bytes | memoryview, where: str = '') -> Value:
    """Read one pickled value.

    Args:
        data: The pickle. Bytes objects in it come out as views of it where it holds them as such
            (protocol 3 and later).
        where: Text for error messages: path and key.

    Returns:
        Tuples of tuples, bytes or memoryviews, strings and Python integers.

    Raises:
        LegacyFormatError: If there is anything else in it, or it is damaged.
    """
    return _Interpreter(memoryview(data), where).run()


class _Interpreter:
    """The stack machine."""

    def __init__(self, data: memoryview, where: str) -> None:
        self._in = PickleInput(data, where)
        self._stack: list = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}
        self._tuples: dict[int, tuple[tuple, int, int]] = {}  # by id: itself, items, depth

    def run(self) -> Value:
        for _ in range(MAX_STEPS):
            code = self._in.code()
            if code == ord('.'):
                return self._result()
            step = _STEPS.get(code)
            if step is None:
                known = _OPCODES.get(chr(code))
                name = known.name if known else f'0x{code:02x}'
                raise self._in.refused(f'opcode {name} at byte {self._in.at - 1}')
            step(self)
        raise self._in.refused(f'more than {MAX_STEPS} opcodes')

    def _pop(self) -> object:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise self._in.refused(f'too few values before byte {self._in.at}')
        return self._stack.pop()

    def _tuple(self, items: list) -> None:
        parts = [self._tuples[id(item)] for item in items if isinstance(item, tuple)]
        size = 1 + len(items) + sum(part[1] for part in parts)
        depth = 1 + max((part[2] for part in parts), default=0)
        if size > MAX_ITEMS or depth > MAX_DEPTH:
            raise self._in.refused(f'a tuple of more than {MAX_ITEMS} items or {MAX_DEPTH} levels')
        value = tuple(items)
        self._tuples[id(value)] = (value, size, depth)
        self._stack.append(value)

    def _result(self) -> Value:
        if len(self._stack) != 1 or self._marks or self._in.left:
            found = f'{len(self._stack)} values and {self._in.left} more bytes'
            raise self._in.refused(f'{found} at its end')
        waiting = list(self._stack)
        while waiting:
            value = waiting.pop()
            if isinstance(value, tuple):
                waiting += value
            elif type(value) not in (bytes, memoryview, str, int):
                raise self._in.refused(f'a value that is none of these ({type(value).__name__})')
        return self._stack[0]

    # one method per group of opcodes

    def protocol(self) -> None:
        version = self._in.number(1)
        if self._in.at != 2 or version > 5:
            raise self._in.refused(f'protocol {version} at byte {self._in.at - 2}')

    def frame(self) -> None:
        length = self._in.number(8)
        if length > self._in.left:
            raise self._in.refused(f'a frame of {length} bytes at byte {self._in.at}')

    def text_integer(self) -> None:
        line = self._in.line()
        if line in (b'00', b'01'):
            self._stack.append(line == b'01')
        else:
            self._stack.append(self._integer(line))

    def text_long(self) -> None:
        self._stack.append(self._integer(self._in.line().removesuffix(b'L')))

    def _integer(self, text: bytes) -> int:
        if not _INTEGER.fullmatch(text):
            raise self._in.refused(f'{text!r} in the place of a number')
        return int(text)

    def long(self, size: int) -> None:
        length = self._in.number(size, signed=size == 4)
        if not 0 <= length <= MAX_INT_BYTES:
            raise self._in.refused(f'an integer of {length} bytes')
        self._stack.append(int.from_bytes(self._in.take(length), 'little', signed=True))

    def text(self, size: int) -> None:
        data = self._in.take(self._in.number(size))
        self._stack.append(self._in.decode(data, 'utf-8'))

    def escaped_text(self) -> None:
        self._stack.append(self._in.decode(self._in.long_line(), 'raw-unicode-escape'))

    def end_tuple(self) -> None:
        if not self._marks:
            raise self._in.refused(f'no beginning of the tuple that ends at byte {self._in.at}')
        start = self._marks.pop()
        items = self._stack[start:]
        del self._stack[start:]
        self._tuple(items)

    def short_tuple(self, length: int) -> None:
        self._tuple([self._pop() for _ in range(length)][::-1])

    def _memo_index(self, index: int) -> int:
        if not 0 <= index <= MAX_STEPS:
            raise self._in.refused(f'memo number {index}')
        return index

    def put(self, index: int) -> None:
        value = self._pop()
        self._memo[self._memo_index(index)] = value
        self._stack.append(value)

    def get(self, index: int) -> None:
        if self._memo_index(index) not in self._memo:
            raise self._in.refused(f'memo number {index}, which was never set')
        self._stack.append(self._memo[index])

    def text_name(self) -> None:
        module, name = self._in.line(), self._in.line()
        self._push_name(module.decode('ascii', 'replace'), name.decode('ascii', 'replace'))

    def stack_name(self) -> None:
        name, module = self._pop(), self._pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise self._in.refused('a name that is no text')
        self._push_name(module, name)

    def instance(self) -> None:
        names = [self._in.line().decode('ascii', 'replace') for _ in range(2)]
        raise self._in.refused(f'an instance of {".".join(names)!r}')

    def _push_name(self, module: str, name: str) -> None:
        known = _NAMES.get((module, name))
        if known is None:
            raise self._in.refused(f'the name {f"{module[:80]}.{name[:80]}"!r}')
        self._stack.append(known)

    def reduce(self) -> None:
        arguments, name = self._pop(), self._pop()
        self._stack.append(self._reduced(name, arguments))

    def _reduced(self, name: object, arguments: object) -> object:
        match name, arguments:
            case _Name.BYTES, ():
                return b''
            case _Name.ENCODE, (str() as text, 'latin1'):
                try:
                    return self._in.made(text.encode('latin-1'))
                except UnicodeEncodeError as error:
                    raise self._in.refused('bytes beyond 255') from error
            case _Name.DTYPE, (str() as code, 0, 1) if re.fullmatch('[iu][1248]', code):
                return _IntegerType(code)
            case _Name.SCALAR, (_IntegerType() as kind, (bytes() | memoryview()) as data):
                if len(data) == kind.size and (kind.order or kind.size == 1):
                    big = kind.order == '>'
                    return int.from_bytes(data, 'big' if big else 'little', signed=kind.signed)
        raise self._in.refused(f'a call with unknown arguments before byte {self._in.at}')

    def build(self) -> None:
        state, kind = self._pop(), self._pop()
        match kind, state:
            case _IntegerType(), (3, '<' | '>' | '|' as order, None, None, None, -1, -1, 0):
                kind.order = order if order != '|' else None
                self._stack.append(kind)
            case _:
                raise self._in.refused(f'an unknown state before byte {self._in.at}')

    def push(self, value: object) -> None:
        self._stack.append(value)


_OPCODES = {opcode.code: opcode for opcode in pickletools.opcodes}


def _steps() -> dict[int, Callable[[_Interpreter], None]]:
    own = _Interpreter
    steps = {
        b'\x80': own.protocol,
        b'\x95': own.frame,
        b'(': lambda i: i._marks.append(len(i._stack)),
        b't': own.end_tuple,
        b')': lambda i: i.short_tuple(0),
        b'\x85': lambda i: i.short_tuple(1),
        b'\x86': lambda i: i.short_tuple(2),
        b'\x87': lambda i: i.short_tuple(3),
        b'N': lambda i: i.push(None),  # in the state of a type only
        b'\x88': lambda i: i.push(True),  # the same
        b'\x89': lambda i: i.push(False),
        b'I': own.text_integer,
        b'L': own.text_long,
        b'J': lambda i: i.push(i._in.number(4, signed=True)),
        b'K': lambda i: i.push(i._in.number(1)),
        b'M': lambda i: i.push(i._in.number(2)),
        b'\x8a': lambda i: i.long(1),
        b'\x8b': lambda i: i.long(4),
        b'V': own.escaped_text,
        b'X': lambda i: i.text(4),
        b'\x8c': lambda i: i.text(1),
        b'\x8d': lambda i: i.text(8),
        b'C': lambda i: i.push(i._in.take(i._in.number(1))),
        b'B': lambda i: i.push(i._in.take(i._in.number(4))),
        b'\x8e': lambda i: i.push(i._in.take(i._in.number(8))),
        b'p': lambda i: i.put(i._integer(i._in.line())),
        b'q': lambda i: i.put(i._in.number(1)),
        b'r': lambda i: i.put(i._in.number(4)),
        b'\x94': lambda i: i.put(len(i._memo)),
        b'g': lambda i: i.get(i._integer(i._in.line())),
        b'h': lambda i: i.get(i._in.number(1)),
        b'j': lambda i: i.get(i._in.number(4)),
        b'c': own.text_name,
        b'\x93': own.stack_name,
        b'i': own.instance,
        b'R': own.reduce,
        b'b': own.build,
    }
    return {code[0]: step for code, step in steps.items()}


_STEPS = _steps()
