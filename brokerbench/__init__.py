"""brokerbench: choose, size and tune a message broker with figures that are true."""

__all__ = ["__version__"]

__version__ = "0.1.0"
