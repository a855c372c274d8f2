"""The house: which room may import which, no rings, files and functions of one size."""

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {
    "brokerbench": ROOT / "brokerbench",
    "brokerbench_drivers": ROOT / "drivers" / "brokerbench_drivers",
    "brokerbench_scenarios": ROOT / "scenarios" / "brokerbench_scenarios",
    "brokerbench_analysis": ROOT / "analysis" / "brokerbench_analysis",
    "brokerbench_reports": ROOT / "reports" / "brokerbench_reports",
}
# Part -> what of ours it may import (itself always). The table of the design, as longest prefixes.
MAY = {
    "brokerbench": set(),  # the version, nothing else
    "brokerbench.model": set(),
    "brokerbench.servers": {"brokerbench.model"},
    "brokerbench.contract": {"brokerbench.model", "brokerbench.servers"},
    "brokerbench.stamp": set(),
    "brokerbench.inbox": {"brokerbench.contract", "brokerbench.model"},
    "brokerbench.engine": {
        "brokerbench",
        "brokerbench.contract",
        "brokerbench.model",
        "brokerbench.servers",
        "brokerbench.stamp",
    },
    "brokerbench_drivers": {"brokerbench.contract", "brokerbench.inbox", "brokerbench.model", "brokerbench.servers"},
    # A broker of known truth keeps accounts of its own, so it must read what it was sent.
    "brokerbench_drivers.simulated": {
        "brokerbench_drivers",
        "brokerbench.contract",
        "brokerbench.inbox",
        "brokerbench.model",
        "brokerbench.servers",
        "brokerbench.stamp",
    },
    "brokerbench_scenarios": {"brokerbench.model"},
    "brokerbench_analysis": {"brokerbench.model"},
    "brokerbench_reports": {"brokerbench_analysis", "brokerbench.model"},
}
# Locust users make a plan of one candidate, as a scenario does, and read the stamps themselves.
MAY["brokerbench.locust"] = {
    "brokerbench_drivers",
    "brokerbench.contract",
    "brokerbench.engine",
    "brokerbench.model",
    "brokerbench.stamp",
}
MAY["brokerbench.cli"] = set(MAY) - {"brokerbench.locust"}
MAY["brokerbench.__main__"] = {"brokerbench.cli"}


def modules() -> dict[str, Path]:
    found = {}
    for package, folder in ROOMS.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def part_of(module: str) -> str:
    return max((part for part in MAY if module == part or module.startswith(part + ".")), key=len)


def imports(name: str, *, late: bool) -> Iterator[str]:
    """Modules of ours that `name` imports; `late` includes imports inside functions."""
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = ast.walk(tree) if late else _at_import(tree.body)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in ROOMS)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            if base.split(".")[0] in ROOMS:
                for alias in node.names:
                    full = f"{base}.{alias.name}"
                    yield full if full in MODULES else base


def _at_import(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when the module is imported; blocks for type checkers do not."""
    for node in body:
        if isinstance(node, ast.If):
            if "TYPE_CHECKING" not in ast.unparse(node.test):
                yield from _at_import([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from _at_import([*node.body, *node.orelse, *node.finalbody])
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


@pytest.mark.parametrize("name", MODULES)
def test_imports_only_what_its_room_may(name: str) -> None:
    part = part_of(name)
    for target in imports(name, late=True):
        target_part = part_of(target)
        assert target_part in MAY[part] | {part}, (
            f"{name} imports {target}: {part} may import {sorted(MAY[part]) or 'nothing of ours'}"
        )


def test_no_import_ring() -> None:
    edges = {name: {t for t in imports(name, late=False) if t != name} for name in MODULES}
    state: dict[str, int] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        state[name] = 1
        for target in sorted(edges[name]):
            # A package's door importing its own rooms is no ring; a room importing its door is.
            assert state.get(target) != 1, "ring: " + " -> ".join([*trail[trail.index(target) :], target])
            if target not in state:
                visit(target, (*trail, target))
        state[name] = 2

    for name in MODULES:
        if name not in state:
            visit(name, (name,))


def lines(path: Path) -> int:
    return sum(1 for line in path.read_text(encoding="utf-8").splitlines() if line.strip())


def test_files_are_of_one_size() -> None:
    sizes = {name: lines(path) for name, path in MODULES.items()}
    largest = max(sizes, key=lambda name: sizes[name])
    assert sizes[largest] <= 500, f"{largest} has {sizes[largest]} lines"
    assert statistics.median(sizes.values()) <= 120


@pytest.mark.parametrize("name", MODULES)
def test_functions_fit_a_screen(name: str) -> None:
    text = MODULES[name].read_text(encoding="utf-8")
    rows = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = sum(1 for row in rows[node.lineno - 1 : node.end_lineno] if row.strip())
            assert length <= 80, f"{name}.{node.name} has {length} lines"


@pytest.mark.parametrize("name", [n for n, p in MODULES.items() if p.name == "__init__.py"])
def test_doors_list_what_they_export(name: str) -> None:
    """`__all__` is there, sorted, and true."""
    tree = ast.parse(MODULES[name].read_text(encoding="utf-8"))
    listed: list[str] | None = None
    bound: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            listed = ast.literal_eval(node.value)
        for child in ast.walk(node):
            if isinstance(child, ast.alias):
                bound.add(child.asname or child.name)
            elif isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                bound.add(child.name)
            elif isinstance(child, ast.Name) and isinstance(child.ctx, ast.Store):
                bound.add(child.id)
    if listed is None:
        assert not bound, f"{name} binds {sorted(bound)[:5]} without listing what is public in __all__"
        return
    assert set(listed) <= bound, f"{name} lists what it does not have: {sorted(set(listed) - bound)}"
    assert listed == sorted(listed, key=lambda word: (not word.isupper(), not word[0].isupper(), word))
