"""Order bodies: what they hold, how each codec writes them, and what that costs apart from the transport."""

from .bodies import order_bodies
from .coding import Coding, coding, missing_library
from .measure import BUDGET_S, Costs, measure
from .order import Order, orders

__all__ = ["BUDGET_S", "Coding", "Costs", "Order", "coding", "measure", "missing_library", "order_bodies", "orders"]
