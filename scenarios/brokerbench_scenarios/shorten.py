"""`run --short`: the same question in seconds, to see that it runs. Its figures claim nothing."""

from brokerbench.model import Fill, Message, Repeats, Scenario

__all__ = ["shorten"]

WARMUP_S, STEADY_S, DRAIN_S = 0.5, 2.0, 5.0
FILL = 2000  # messages of a backlog, at most
LEAST_S = 0.5  # of each stage


def shorten(scenario: Scenario) -> Scenario:
    """One block, phases of seconds; what is already shorter stays."""
    load = scenario.load
    stages = tuple(stage.shortened(max(LEAST_S, STEADY_S / len(load.stages))) for stage in load.stages)
    phases = {
        "ramp_s": min(load.ramp_s, WARMUP_S),
        "warmup_s": min(load.warmup_s, WARMUP_S),
        "drain_s": min(load.drain_s, DRAIN_S),
        "stages": stages,
        "fill": None if load.fill is None else _less(load.fill, scenario.message),
    }
    return scenario.model_copy(update={"load": load.model_copy(update=phases), "repeats": Repeats(blocks=1)})


def _less(fill: Fill, message: Message) -> Fill:
    """How large orders are is known once they are written: of bytes of those, the most that is filled here."""
    if fill.messages is None and message.body is not None:
        return Fill(messages=FILL)
    return Fill(messages=min(FILL, fill.messages or fill.count(message.mean_bytes)))
