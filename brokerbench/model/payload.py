"""Bodies that a user brings: the lines of a file, or the files of a folder."""

from pathlib import Path

from .units import LARGEST_BYTES, STAMP_BYTES, format_size

__all__ = ["PayloadError", "read_payload"]

MOST_BYTES = 256 * 2**20
MOST_BODIES = 1_000_000


class PayloadError(ValueError):
    """One line for the user."""


def read_payload(path: str) -> list[bytes]:
    """Each line of a file that is not empty, or each file of a folder (by name; no hidden ones, none of folders in it).
    Raises PayloadError, OSError."""
    place = Path(path)
    if place.is_dir():
        files = sorted(each for each in place.iterdir() if each.is_file() and not each.name.startswith("."))
        named = [(each.name, each.stat().st_size) for each in files]
        _fits([size for _, size in named], [f"the file {name}" for name, _ in named], "files")
        bodies = [each.read_bytes() for each in files]
    else:
        _fits([place.stat().st_size], ["it"], "lines", most=MOST_BYTES)
        numbered = [(number, line) for number, line in enumerate(place.read_bytes().splitlines(), 1) if line]
        bodies = [line for _, line in numbered]
        _fits([len(line) for line in bodies], [f"line {number}" for number, _ in numbered], "lines")
    return bodies


def _fits(sizes: list[int], names: list[str], what: str, most: int = LARGEST_BYTES - STAMP_BYTES) -> None:
    if not 1 <= len(sizes) <= MOST_BODIES:
        raise PayloadError(f"it has {len(sizes):,} {what} that are bodies; allowed: 1 to {MOST_BODIES:,}")
    for size, name in zip(sizes, names, strict=True):
        if size > most:
            raise PayloadError(f"{name} has {size:,} bytes; allowed: up to {most:,}, and {STAMP_BYTES} are the stamp's")
    if sum(sizes) > MOST_BYTES:
        raise PayloadError(f"it has {sum(sizes):,} bytes in all; allowed: up to {format_size(MOST_BYTES)}")
