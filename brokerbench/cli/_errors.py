"""Exit statuses, and the errors that have one."""

import click

__all__ = ["BAD_INPUT", "FAILED", "INTERRUPTED", "NOT_MET", "NOT_VALID", "OK", "BadInput"]

OK = 0
FAILED = 1  # a trial failed
BAD_INPUT = 2  # nothing was started
NOT_VALID = 3  # measured, but not valid
NOT_MET = 4  # valid, but a condition of the scenario was not met
INTERRUPTED = 130


class BadInput(click.ClickException):
    """What was asked cannot be done, and nothing was started."""

    exit_code = BAD_INPUT

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}; {hint}" if hint else message)
