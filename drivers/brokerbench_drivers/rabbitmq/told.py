"""A library's error in a few words."""

__all__ = ["told"]


def told(error: BaseException | type[BaseException]) -> str:
    """rstream raises its errors by class, without a text."""
    if isinstance(error, type):
        error = error()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return " ".join(str(error).split()) or type(error).__name__
