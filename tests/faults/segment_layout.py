"""The bytes of a segment, read without the journal's code: where frames stand, and what they hold.

See the format in allocator_rs/journal/src/format.rs.
"""

import struct
from dataclasses import dataclass
from typing import Final

BLOCK: Final = 4_096
FRAME_HEADER: Final = 40
FRAME_MAGIC: Final = b"BOPISFRM"
VERSION_AT: Final = 8
SEGMENT_BYTES_AT: Final = 48
SUMMED: Final = 60
CASTAGNOLI: Final = 0x82F63B78


@dataclass(frozen=True, slots=True)
class Frame:
    """One write: where it starts and ends (the padding included), and its records."""

    offset: int
    end: int
    count: int


def frames_of(segment: bytes) -> list[Frame]:
    """The frames of a sound segment, in order."""
    frames = []
    at = BLOCK
    while segment[at : at + 8] == FRAME_MAGIC:
        count, length = struct.unpack_from("<II", segment, at + 24)
        end = at + -(-(FRAME_HEADER + length) // BLOCK) * BLOCK
        frames.append(Frame(at, end, count))
        at = end
    return frames


def shrunk(segment: bytes) -> bytes:
    """The same segment as if it had been made just large enough: a few empty blocks at its end."""
    size = frames_of(segment)[-1].end + 3 * BLOCK
    return _with_header(segment, "<Q", SEGMENT_BYTES_AT, size)[:size]


def with_version(segment: bytes, version: int) -> bytes:
    """The same segment as if a program of that format had written it."""
    return _with_header(segment, "<I", VERSION_AT, version)


def _with_header(segment: bytes, form: str, at: int, value: int) -> bytes:
    header = bytearray(segment[:SUMMED])
    struct.pack_into(form, header, at, value)
    return bytes(header) + struct.pack("<I", crc32c(header)) + segment[SUMMED + 4 :]


def crc32c(data: bytes | bytearray) -> int:
    """The checksum of the format, bit by bit."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (CASTAGNOLI if value & 1 else 0)
    return value ^ 0xFFFFFFFF
