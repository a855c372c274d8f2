"""`-o key=value`: any key, checked like the file's own, with errors that point into the override."""

import pytest

from brokerbench_scenarios import ScenarioError
from tests.scenarios.good import reading


def test_they_replace_and_add() -> None:
    scenario = reading(
        overrides=[
            "load.stages.0.rate=10k/s",
            "repeats.blocks=2",
            "topology.groups.late={consumers: 2}",
            "brokers.two.batch=32",
            "slo.end_to_end.p99=< 10ms",
            "slo.confirm.max=< 1s",
        ]
    )
    assert scenario.load.rate_msgs_s == 10_000
    assert scenario.repeats.blocks == 2
    assert scenario.topology.groups["late"].consumers == 2
    assert scenario.brokers["two"].settings["batch"] == 32
    assert [(each.metric, each.value) for each in scenario.slo if "." in each.metric] == [
        ("end_to_end.p99", 10.0),
        ("confirm.max", 1000.0),
    ]


def test_the_last_one_holds() -> None:
    assert reading(overrides=["repeats.blocks=2", "repeats.blocks=7"]).repeats.blocks == 7


@pytest.mark.parametrize(
    ("override", "place", "message"),
    [
        ("repeats.blocks", "-o:1:1", "'repeats.blocks' is not key=value"),
        ("=5", "-o:1:1", "'=5' is not key=value"),
        ("repeats.blocks=", "-o:1:15", "repeats.blocks has no value"),
        ("repeats.blocks=0", "-o:1:16", "repeats.blocks is 0; allowed: 1 to 200"),
        ("repeats.block=3", "-o:1:1", "'block' is not a key of repeats"),
        ("load.stages.3.rate=1/s", "-o:1:1", "load.stages is a list; there is no entry '3'"),
        ("load.warmup=[1", "-o:1:15", "not YAML"),
        ("brokers.two.batch=65", "-o:1:19", "brokers.two.batch is 65; allowed: 1 to 64"),
        ("brokers.two.driver=slaw", "-o:1:20", "no driver is called 'slaw'"),
        ("faults=[]", "-o:1:1", "faults: killing or cutting off a broker is not built yet"),
        ("message.size=&a 1KiB", "-o:1:14", "anchors"),
        ("scenario.x=1", "-o:1:1", "scenario is one value; found a table of keys"),
    ],
)
def test_errors_point_into_the_override(override: str, place: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        reading(overrides=[override])
    problem = caught.value.problems[0]
    assert str(problem.place) == place
    assert problem.message.startswith(message)
    assert problem.place.shown().splitlines()[0].endswith(override)
