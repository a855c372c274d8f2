"""A scenario file -> Scenario, or every reason why not. Opens nothing but the trace and the payload that it names."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from brokerbench.model import OWN, Frozen, Pattern, PayloadError, Scenario, ServerKind, Slo, TraceError

from .check import ENVIRONMENT, Checker
from .needs import read_needs
from .overrides import apply_override
from .problems import Place, Problem, ScenarioError, Source, nearest
from .shape import BROKER_KEYS, Kind, Shape, broker_shape, scenario_shape
from .slo import METRICS, METRICS_SHOWN, default_primary, read_slo
from .tree import Entry, Leaf, Table, parse
from .unbuilt import refuse_unbuilt

__all__ = ["LARGEST_BYTES", "decode", "read", "secrets"]

LARGEST_BYTES = 2**20


def decode(data: bytes, *, name: str) -> str:
    """A file's bytes as text. Raises ScenarioError where they are not UTF-8, or too many."""
    if len(data) > LARGEST_BYTES:
        text = f"the file has {len(data):,} bytes; allowed: up to {LARGEST_BYTES:,}"
        raise ScenarioError([Problem(Place(Source(name, ()), 1, 1), text, "is it a scenario file?")])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        before = data[data.rfind(b"\n", 0, error.start) + 1 : error.start].decode("utf-8", errors="replace")
        place = Place(Source.of(name, data.decode("utf-8", errors="replace")), line, len(before) + 1)
        text = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        raise ScenarioError([Problem(place, text, "save the file as UTF-8")]) from None


def read(
    text: str,
    *,
    name: str,
    drivers: Mapping[str, type[Frozen]],
    env: Mapping[str, str],
    features: Collection[str],
    overrides: Sequence[str] = (),
    folder: Path = Path(),
) -> Scenario:
    """`drivers`: name -> Settings; `features`: the words of `needs` that drivers declare; `folder`: where a
    trace and a payload are looked for. Raises ScenarioError."""
    decode(text.encode("utf-8", errors="replace"), name=name)
    source = Source.of(name, text)
    root = parse(source, text)
    if not isinstance(root, Table):
        raise ScenarioError([Problem(root.place, "a scenario is a table of keys", "begin with scenario: my-first")])
    for override in overrides:
        apply_override(root, override)
    return _Reading(root, drivers, env, features).scenario(folder)


def secrets(texts: Sequence[str], env: Mapping[str, str]) -> tuple[str, ...]:
    """The values that `${NAME}` brought into these texts (the file's, the overrides'): what must not be printed."""
    found = {env.get(name, "") for text in texts for name in ENVIRONMENT.findall(text)}
    return tuple(sorted(found - {""}, key=len, reverse=True))


class _Reading:
    def __init__(
        self, root: Table, drivers: Mapping[str, type[Frozen]], env: Mapping[str, str], features: Collection[str]
    ) -> None:
        self._root = root
        self._drivers = drivers
        self._features = features
        self._check = Checker(env)

    def scenario(self, folder: Path) -> Scenario:
        check, root = self._check, self._root
        problems, paths = refuse_unbuilt(root)
        check.problems += problems
        check.flagged += paths
        brokers = root.entries.pop("brokers", None)  # apart: their keys depend on the driver
        needs = root.entries.pop("needs", None)  # apart: words, some of them with a value
        shape = scenario_shape()
        if brokers:
            shape = replace(shape, required=shape.required - {"brokers"})
        data = check.collect(root, shape, (), root.place)
        data["brokers"] = self._brokers(brokers) if brokers else {}
        for own in data["brokers"].values():
            own |= {part: _merged(data.get(part) or {}, own[part]) for part in OWN if own.get(part)}
        data["slo"] = self._conditions(data)
        data["needs"] = read_needs(needs, check, self._features) if needs else []
        self._primary(data)
        self._responses(data)
        try:
            scenario = self._with_traces(self._with_payload(Scenario.model_validate(data), folder), folder)
        except ValidationError as error:
            check.validated(error)
        if check.problems:
            raise ScenarioError(check.problems) from None
        return scenario.model_copy(update={"primary": scenario.primary or default_primary(scenario)})

    def _with_payload(self, scenario: Scenario, folder: Path) -> Scenario:
        message, place = scenario.message, ("message", "payload")
        if message.payload is None:
            return scenario
        try:
            found = message.of_payload(str((folder / message.payload).resolve()))
        except (PayloadError, OSError) as error:
            told = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
            self._check.complain(place, self._check.places[place], f"the payload {message.payload}: {told}")
            return scenario
        return scenario.model_copy(update={"message": found})

    def _with_traces(self, scenario: Scenario, folder: Path) -> Scenario:
        message, stages = scenario.message, []
        for index, stage in enumerate(scenario.load.stages):
            update = {}
            if stage.trace is not None:
                try:
                    path = str((folder / stage.trace.file).resolve())
                    update["trace"] = stage.trace.found(path, message.trace_columns)
                    if "size" in message.trace_columns:
                        message = message.of_trace(stage.trace.read(path, ("size",)))
                except (TraceError, OSError) as error:
                    place = ("load", "stages", str(index), "trace")
                    told = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
                    self._check.complain(place, self._check.places[place], f"the trace {stage.trace.file}: {told}")
            stages.append(stage.model_copy(update=update))
        if scenario.load.trace is None:
            for column in message.trace_columns:
                key = ("message", "keys" if column == "key" else column)
                text = f"{'.'.join(key)}: no trace is replayed, so there is no column {column}"
                self._check.complain(key, self._check.places[key], text, "use load.stages: [{trace: FILE}]")
        load = scenario.load.model_copy(update={"stages": tuple(stages)})
        return scenario.model_copy(update={"load": load, "message": message})

    def _brokers(self, entry: Entry) -> dict[str, Any]:
        check, path = self._check, ("brokers",)
        if not isinstance(entry.node, Table):
            check.collect(entry.node, Shape(Kind.MAP), path, entry.place)
            return {}
        check.places[path] = entry.place
        found: dict[str, Any] = {}
        for name, each in entry.node.entries.items():
            shape = Shape(Kind.MAP, item=self._broker_shape(each))
            data = check.collect(Table(entry.node.place, {name: each}), shape, path, entry.place)
            if name in data and isinstance(data[name], dict):
                found[name] = self._broker((*path, name), data[name])
        return found

    def _broker_shape(self, entry: Entry) -> Shape:
        """With the driver's own keys; where the driver is not known, the keys that may be its own are left unjudged."""
        node = entry.node
        if not isinstance(node, Table):
            return broker_shape(None)
        driver = node.get("driver")
        name = driver.text if isinstance(driver, Leaf) else ""
        if name in self._drivers:
            return broker_shape(self._drivers[name])
        if isinstance(driver, Leaf) and not driver.empty:
            path, known = ("brokers", entry.key, "driver"), sorted(self._drivers)
            self._check.complain(path, driver.place, f"no driver is called {name!r}", nearest(name, known))
        for key in [key for key in node.entries if key not in BROKER_KEYS]:
            del node.entries[key]
        return broker_shape(None)

    def _broker(self, path: tuple[str, ...], data: dict[str, Any]) -> dict[str, Any]:
        """Split into Broker's keys and the driver's settings, the latter checked and kept in base units."""
        check = self._check
        own = {key: value for key, value in data.items() if key not in BROKER_KEYS}
        common = {key: value for key, value in data.items() if key in BROKER_KEYS}
        settings = self._drivers.get(str(common.get("driver")))
        if settings is not None:
            try:
                given = settings.model_validate(own)
                common["settings"] = given.model_dump(exclude_unset=True)
            except ValidationError as error:
                check.validated(error, path)
        server, url = (common.get("server") or {}).get("kind"), common.get("url")
        if server == ServerKind.EXTERNAL and not url and (*path, "url") not in check.flagged:
            hint = "add url: ..., or use server: auto"
            check.complain(path, check.places[*path, "server"], f"{'.'.join(path)}: server: external needs a url", hint)
        if url and server not in (None, ServerKind.AUTO, ServerKind.EXTERNAL):
            hint = "remove one of the two"
            text = f"{'.'.join(path)}: a url means a server that runs already, and server: {server} starts one"
            check.complain(path, check.places[*path, "server"], text, hint)
        return common

    def _conditions(self, data: dict[str, Any]) -> list[Slo]:
        check, found = self._check, []
        for metric, text in (data.get("slo") or {}).items():
            path = ("slo", metric)
            if metric not in METRICS:
                check.complain(
                    path, check.keys[path], f"{metric!r} is not a metric", nearest(metric, METRICS, METRICS_SHOWN)
                )
                continue
            try:
                found.append(read_slo(metric, text))
            except ValueError as error:
                check.complain(path, check.places[path], f"slo.{metric}: {error}")
        return found

    def _responses(self, data: dict[str, Any]) -> None:
        """Only a request has a response."""
        if (data.get("topology") or {}).get("pattern") == Pattern.REQUEST_REPLY:
            return
        asked = {("primary",): str(data.get("primary"))} | {("slo", each.metric): each.metric for each in data["slo"]}
        for path, metric in asked.items():
            if metric.startswith("response.") and path not in self._check.flagged:
                hint = "use topology: {pattern: request-reply}, or ask for end_to_end"
                self._check.complain(path, self._check.places[path], f"{metric} is of requests and their replies", hint)

    def _primary(self, data: dict[str, Any]) -> None:
        """Its words are not in the model."""
        check, primary = self._check, data.get("primary")
        if primary and primary not in METRICS:
            hint = nearest(primary, METRICS, METRICS_SHOWN)
            check.complain(("primary",), check.places["primary",], f"primary is {primary}, which is no metric", hint)


def _merged(all_have: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """A candidate says only what it has otherwise; tables are merged key by key, lists and values replaced."""
    both = {key: (all_have[key], value) for key, value in own.items() if key in all_have}
    inner = {key: _merged(a, b) for key, (a, b) in both.items() if isinstance(a, Mapping) and isinstance(b, Mapping)}
    return {**all_have, **own, **inner}
