"""Packing of one body, by the application, at each library's usual level; no dictionary, as nobody trained one."""

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from brokerbench.model import Compression

__all__ = ["Packer", "packer"]

_GZIP_LEVEL = 6  # of the gzip program and of most languages; Python's own 9 is slower for next to nothing


@dataclass(frozen=True)
class Packer:
    pack: Callable[[bytes], bytes]
    unpack: Callable[[bytes], bytes]


def packer(compression: Compression) -> Packer | None:
    """None for none. Its coders are kept, as an application would keep them."""
    return {
        Compression.NONE: lambda: None,
        Compression.GZIP: _gzip,
        Compression.LZ4: _lz4,
        Compression.ZSTD: _zstd,
    }[compression]()


def _gzip() -> Packer:
    # No time in the header: the same body must always give the same bytes.
    return Packer(partial(gzip.compress, compresslevel=_GZIP_LEVEL, mtime=0), gzip.decompress)


def _lz4() -> Packer:
    import lz4.frame

    return Packer(lz4.frame.compress, lz4.frame.decompress)


def _zstd() -> Packer:
    import zstandard

    return Packer(zstandard.ZstdCompressor().compress, zstandard.ZstdDecompressor().decompress)
