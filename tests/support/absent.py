"""What is not on this machine is skipped by name, never passed; where all is required, it is a failure."""

import fcntl
import importlib.util
import os
import tempfile
from pathlib import Path
from typing import Any, NoReturn

import pytest

import brokerbench_drivers
from brokerbench.contract import install_line
from brokerbench.model import ServerKind, ServerSpec
from brokerbench.servers import NotAvailable, ServerRecipe, tailored

__all__ = ["AS_IT_COMES", "absent", "recipe_of", "require"]

AS_IT_COMES = ServerSpec()


def absent(why: str) -> NoReturn:
    """Skip, or fail under BROKERBENCH_REQUIRE=all."""
    if os.environ.get("BROKERBENCH_REQUIRE") == "all":
        pytest.fail(f"BROKERBENCH_REQUIRE=all: {why}")
    pytest.skip(why)


def recipe_of(
    driver_name: str, client: str | None = None, settings: Any = None, spec: ServerSpec = AS_IT_COMES
) -> ServerRecipe:
    """A recipe that can start now (fetched, where it had to be), and the client's library is here; else `absent`."""
    driver = brokerbench_drivers.load(driver_name)
    module = driver.clients.get(client) if client else next(iter(driver.clients.values()), None)
    if module and importlib.util.find_spec(module.partition(".")[0]) is None:
        client = client or next(iter(driver.clients))
        absent(f"{driver.title}: client {client} is not installed: {install_line(driver, client)}")
    missing = []
    for kind, general in driver.servers.items():
        if spec.kind not in (ServerKind.AUTO, kind):
            continue
        try:
            recipe = tailored(general, driver.Settings() if settings is None else settings, spec)
        except NotAvailable as error:
            missing.append(str(error))
            continue
        found = recipe.available()
        if not found.ready and found.fetchable:
            _fetch(driver_name, recipe)
            found = recipe.available()
        if found.ready:
            return recipe
        missing.append(found.what)
    absent(f"{driver.title}: {'; '.join(missing)}")


def _fetch(driver_name: str, recipe: ServerRecipe) -> None:
    """Workers wait for each other: what one has downloaded, the next one finds."""
    with (Path(tempfile.gettempdir()) / f"brokerbench-tests-{os.getuid()}-{driver_name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not recipe.available().ready:
            recipe.fetch(print)


def require(*driver_names: str) -> None:
    """All of these brokers, or the test is skipped."""
    for name in driver_names:
        recipe_of(name)
