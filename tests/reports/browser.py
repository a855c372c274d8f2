"""A real browser that opens one page from the disk and tells what the page did."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

__all__ = ["Visit", "chromium", "serious"]

INSTALL = "chromium is not on this machine; install it with: apt install chromium"
QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
LAUNCH_MS = 120_000  # a hang's limit


@contextmanager
def chromium() -> Iterator[Any]:
    """Skipped by name where there is none, a failure where all is required."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("BROKERBENCH_REQUIRE") == "all":
            pytest.fail(f"BROKERBENCH_REQUIRE=all: {INSTALL}")
        pytest.skip(INSTALL)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=path, args=list(QUIET), timeout=LAUNCH_MS)
        yield running
        running.close()


def serious(tab: Any) -> list[str]:
    """What axe-core finds on the open page that keeps people from reading it: its findings of the two worst kinds."""
    import axe_playwright_python

    script = Path(str(axe_playwright_python.__file__)).parent / "axe.min.js"
    tab.evaluate(script.read_text(encoding="utf-8"))
    # The thousands of marks inside a chart are one image to a reader, and take minutes.
    found = tab.evaluate("axe.run({exclude: ['svg.chart > g']}, {resultTypes: ['violations']})")["violations"]
    return [
        f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in {"serious", "critical"}
    ]


class Visit:
    """One page opened from the disk; what it asked for and what it complained of."""

    def __init__(self, browser: Any, page: Path, **how: Any) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.context = browser.new_context(**how)
        self.context.route("**/*", self._asked)
        self.tab = self.context.new_page()
        self.tab.on("console", lambda message: self.complaints.append(f"{message.type}: {message.text}"))
        self.tab.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.tab.goto(page.as_uri())

    def _asked(self, route: Any) -> None:
        self.requests.append(route.request.url)
        route.continue_() if route.request.url.startswith("file:") else route.abort()

    def fits(self, widths: Sequence[int] = (360, 820, 1400)) -> Iterator[str]:
        """In light and dark: nothing is wider than the window. Yields the scheme when all widths have been tried."""
        for scheme in ("light", "dark"):
            self.tab.emulate_media(color_scheme=scheme)
            for width in widths:
                self.tab.set_viewport_size({"width": width, "height": 800})
                root = "document.documentElement"
                scroll, client = self.tab.evaluate(f"[{root}.scrollWidth, {root}.clientWidth]")
                assert scroll <= client == width
            yield scheme

    def __enter__(self) -> "Visit":
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()
