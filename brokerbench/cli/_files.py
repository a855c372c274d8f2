"""Files for people and other tools: whole, or not there."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(target: Path, content: Iterable[bytes]) -> None:
    """Readers see the old file or the new one. Raises OSError."""
    part: str | None = None
    try:
        handle, part = tempfile.mkstemp(dir=target.parent, prefix=".report.", suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.writelines(content)
        os.chmod(part, 0o644)  # mkstemp's 0600 would keep it from a web server
        os.replace(part, target)
    except BaseException:
        if part is not None:
            Path(part).unlink(missing_ok=True)
        raise
