"""The page of all runs in a results folder."""

from pathlib import Path

from ._errors import BadInput
from ._files import write_whole

__all__ = ["write_index"]


def write_index(results: Path) -> Path:
    """index.html beside the run folders, whole or as it was. Raises BadInput."""
    from brokerbench import __version__
    from brokerbench_analysis.history import read_history
    from brokerbench_reports.history import as_index

    target = results / "index.html"
    try:
        write_whole(target, (as_index(read_history(results), __version__).encode("utf-8"),))
    except NotADirectoryError:
        raise BadInput(f"{results} is a file", "give the folder in which `brokerbench run` puts its runs") from None
    except FileNotFoundError:
        raise BadInput(
            f"there is no folder {results}", "give the one in which `brokerbench run` puts its runs"
        ) from None
    except OSError as error:
        raise BadInput(
            f"{target} cannot be written ({error.strerror})", "the runs themselves are not touched"
        ) from None
    return target
