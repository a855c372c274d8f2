"""Why a format cannot be made of a study: one line for the user, with what to do."""

__all__ = ["NotExportable"]


class NotExportable(Exception):
    """A library is missing, or there is nothing that the format could hold."""
