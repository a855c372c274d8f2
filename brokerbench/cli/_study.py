"""A run folder for the commands that only read."""

from pathlib import Path
from typing import TYPE_CHECKING

from ._errors import BadInput

if TYPE_CHECKING:
    from brokerbench_analysis import Study

__all__ = ["load_study"]


def load_study(folder: Path) -> "Study":
    """Raises BadInput for a folder that is no run."""
    from brokerbench_analysis import FolderError, load

    if not folder.is_dir():
        found = "it is a file" if folder.exists() else "there is nothing of that name"
        raise BadInput(f"{folder} is not a run folder: {found}", "give a folder that `brokerbench run` wrote")
    try:
        return load(folder)
    except FolderError as error:
        raise BadInput(str(error)) from None
