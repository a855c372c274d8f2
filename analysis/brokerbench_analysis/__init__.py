"""From a run folder to figures, statistics and a verdict. Nothing here talks to a broker."""

from .folder import FolderError
from .looks import look_levels, undecided
from .reasons import Reason, State, Validity
from .status import exit_status
from .study import Study, load
from .summary import write_summary
from .verdict import Verdict

__all__ = [
    "FolderError",
    "Reason",
    "State",
    "Study",
    "Validity",
    "Verdict",
    "exit_status",
    "load",
    "look_levels",
    "undecided",
    "write_summary",
]
