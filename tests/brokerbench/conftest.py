"""For tests of whole runs."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from brokerbench.engine import run as engine_run
from brokerbench.engine.folder import TrialFolder
from brokerbench.engine.trial import Outcome, TrialContext, run_trial


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[None]:
    """No trial is made again: whether somebody takes this machine away from one is not for a test to hope for."""

    def trial(context: TrialContext, folder: TrialFolder) -> Outcome:
        return replace(run_trial(context, folder), contaminated=False)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine_run, "run_trial", trial)
        yield
