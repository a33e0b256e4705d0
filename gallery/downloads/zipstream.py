"""ZIP archives as streams: nothing is held in memory but the table of contents, and any part can be asked for.

Pictures are compressed already, so they are stored as they are. With sizes and checksums known beforehand, the length
of the whole is known, too, and where each byte of it comes from: a download that broke off goes on where it stopped.
Python's zipfile and the streaming libraries write sizes behind the data instead, which knows no length and no ranges.

https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, sections 4.3 and 4.4; ZIP64 where it is needed. Plain
Python.
"""

import struct
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import IO

CHUNK = 256 * 2**10

_LOCAL = struct.Struct("<IHHHHHIIIHH")
_CENTRAL = struct.Struct("<IHHHHHHIIIHHHHHII")
_END = struct.Struct("<IHHHHIIH")
_END_64 = struct.Struct("<IQHHIIQQQQ")
_LOCATOR_64 = struct.Struct("<IIQI")
_ZIP64, _PLAIN = 45, 20
# Names are UTF-8.
_FLAGS = 0x800
_UNIX = 3 << 8
# A plain file that its owner may write and everybody read.
_MODE = 0o100644 << 16
_FULL_32, _FULL_16 = 0xFFFFFFFF, 0xFFFF


class Incomplete(Exception):
    """A file gave another number of bytes than it had when the archive was planned."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its size in bytes, below 4 GiB; `modified` in the time that people read."""

    name: str
    size: int
    crc: int
    modified: datetime


class Archive:
    def __init__(self, members: Sequence[Member]) -> None:
        if any(member.size >= _FULL_32 for member in members):
            raise ValueError("A member of 4 GiB or more is not provided for.")
        self.members = members
        self._names = [member.name.encode() for member in members]
        self._offsets: list[int] = []
        position = 0
        for member, name in zip(members, self._names, strict=True):
            self._offsets.append(position)
            position += _LOCAL.size + len(name) + member.size
        self._directory_at = position
        directory = sum(len(self._central(number)) for number in range(len(members)))
        self._directory_size = directory
        self.size = position + directory + len(self._end())

    def stream(
        self, open_member: Callable[[int], IO[bytes]], begin: int = 0, end: int | None = None
    ) -> Generator[bytes, None, None]:
        """The bytes from `begin` up to `end`, in pieces of CHUNK at the most; opens the members it needs, one by one.

        Raises Incomplete, and what opening and reading raise.
        """
        end = self.size if end is None else end
        for number, member in enumerate(self.members):
            start = self._offsets[number]
            data = start + _LOCAL.size + len(self._names[number])
            if start >= end:
                return
            if data > begin:
                yield from _part(self._local(number), start, begin, end)
            if data + member.size > begin and data < end and member.size:
                with open_member(number) as file:
                    yield from _read(file, max(0, begin - data), min(member.size, end - data), member)
        position = self._directory_at
        for number in range(len(self.members)):
            entry = self._central(number)
            yield from _part(entry, position, begin, end)
            position += len(entry)
        yield from _part(self._end(), position, begin, end)

    def _local(self, number: int) -> bytes:
        member, name = self.members[number], self._names[number]
        day, time = _dos(member.modified)
        size = member.size
        return _LOCAL.pack(0x04034B50, _PLAIN, _FLAGS, 0, time, day, member.crc, size, size, len(name), 0) + name

    def _central(self, number: int) -> bytes:
        member, name, offset = self.members[number], self._names[number], self._offsets[number]
        day, time = _dos(member.modified)
        far = offset >= _FULL_32
        extra = struct.pack("<HHQ", 1, 8, offset) if far else b""
        version = _ZIP64 if far else _PLAIN
        head = _CENTRAL.pack(
            0x02014B50,
            _UNIX | version,
            version,
            _FLAGS,
            0,
            time,
            day,
            member.crc,
            member.size,
            member.size,
            len(name),
            len(extra),
            0,
            0,
            0,
            _MODE,
            _FULL_32 if far else offset,
        )
        return head + name + extra

    def _end(self) -> bytes:
        count, size, at = len(self.members), self._directory_size, self._directory_at
        end = b""
        if count >= _FULL_16 or size >= _FULL_32 or at >= _FULL_32:
            end = _END_64.pack(0x06064B50, 44, _UNIX | _ZIP64, _ZIP64, 0, 0, count, count, size, at)
            end += _LOCATOR_64.pack(0x07064B50, 0, at + size, 1)
        few, small, near = min(count, _FULL_16), min(size, _FULL_32), min(at, _FULL_32)
        return end + _END.pack(0x06054B50, 0, 0, few, few, small, near, 0)


def _part(piece: bytes, start: int, begin: int, end: int) -> Iterator[bytes]:
    """Of a piece that begins at `start`, what lies between."""
    if wanted := piece[max(0, begin - start) : max(0, end - start)]:
        yield wanted


def _read(file: IO[bytes], begin: int, end: int, member: Member) -> Iterator[bytes]:
    if begin:
        file.seek(begin)
    left = end - begin
    while left:
        chunk = file.read(min(CHUNK, left))
        if not chunk:
            raise Incomplete(f"{member.name} has fewer than {member.size} bytes")
        left -= len(chunk)
        yield chunk
    if end == member.size and file.read(1):
        raise Incomplete(f"{member.name} has more than {member.size} bytes")


def _dos(moment: datetime) -> tuple[int, int]:
    """Date and time as MS-DOS had them: from 1980 on, every other second."""
    year = min(max(moment.year, 1980), 2107)
    day = (year - 1980) << 9 | moment.month << 5 | moment.day
    return day, moment.hour << 11 | moment.minute << 5 | moment.second // 2
