"""How a broker is brought up: recipes, and the guardian that owns every process we start."""

from .cache import make_once, user_cache
from .certificates import Certificates
from .host import Host
from .keeper import Guardian, GuardianLost, Process
from .ports import free_port
from .recipe import (
    Availability,
    Library,
    NotAvailable,
    Server,
    ServerHost,
    ServerProcess,
    ServerRecipe,
    Tailored,
    tailored,
)
from .roster import Leftover, data_home, leftovers

__all__ = [
    "Availability",
    "Certificates",
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
    "Tailored",
    "data_home",
    "free_port",
    "leftovers",
    "make_once",
    "tailored",
    "user_cache",
]
