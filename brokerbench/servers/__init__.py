"""How a broker is brought up: recipes, and the guardian that owns every process we start."""

from .host import Host
from .keeper import Guardian, GuardianLost, Process
from .ports import free_port
from .recipe import Availability, Library, NotAvailable, Server, ServerHost, ServerProcess, ServerRecipe
from .roster import Leftover, data_home, leftovers

__all__ = [
    "Availability",
    "Guardian",
    "GuardianLost",
    "Host",
    "Leftover",
    "Library",
    "NotAvailable",
    "Process",
    "Server",
    "ServerHost",
    "ServerProcess",
    "ServerRecipe",
    "data_home",
    "free_port",
    "leftovers",
]
