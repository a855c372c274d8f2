"""For people with locustfiles: our drivers as Locust users.

Importing Locust patches the standard library for gevent, so nothing else of ours imports this package.
"""

try:
    import locust as _locust  # noqa: F401 - patches before a client library is imported
except ModuleNotFoundError as missing:
    raise ModuleNotFoundError("brokerbench.locust needs Locust: pip install 'brokerbench[locust]'") from missing

from .ledger import Ledger
from .phase import random_phase
from .refused import STOPS_GEVENT
from .user import BrokerUser, Refused, Unconfirmed, ledgers

__all__ = ["STOPS_GEVENT", "BrokerUser", "Ledger", "Refused", "Unconfirmed", "ledgers", "random_phase"]
