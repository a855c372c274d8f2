"""How a broker is brought up: recipes, and the guardian that owns every process we start."""

from .recipe import Availability, Library, NotAvailable, Server, ServerHost, ServerRecipe

__all__ = ["Availability", "Library", "NotAvailable", "Server", "ServerHost", "ServerRecipe"]
