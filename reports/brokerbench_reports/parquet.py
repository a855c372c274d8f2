"""The study's two data frames as parquet, for pandas, DuckDB, Spark and their like. What was not measured is null."""

import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from brokerbench_analysis import Study

from .refusal import NotExportable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_parquet"]

# A column has its type whatever happened: where a count is missing pandas makes all of them floats, and of a column of
# nulls nobody sees what it would hold. Whatever matches none of these is a number.
_TEXT = re.compile(
    r"candidate|trial|state|validity|reasons|labels|started|kind|repeats|in_flight_by|phase"
    r"|load\.(model|arrivals)|.+\.(state|child|at_least_from)"
)
_FLAG = re.compile(r"superseded|ledger\.closed|load\.varies|.+\.(at_least|drain_closed|contaminated)")
_COUNT = re.compile(r"block|order|(ledger\.(?!closed)|negative\.).+|.+\.(count|absent)")
_INSTALL = "parquet needs pyarrow: pip install 'brokerbench[parquet]', or take --format csv"


def as_parquet(study: Study) -> Mapping[str, Iterable[bytes]]:
    """Raises NotExportable where pyarrow is not installed."""
    about = {"brokerbench": str(study.summary["brokerbench"]), "run": study.folder_name}
    return {
        "trials.parquet": (_file(_without_groups(study.trials), about),),
        "seconds.parquet": (_file(study.seconds, about),),
    }


def _without_groups(trials: "pd.DataFrame") -> "pd.DataFrame":
    """A trial without figures has null under a whole group's name; its figures' own columns are null as well."""
    groups = {name.partition(".")[0] for name in trials.columns if "." in name}
    return trials[[name for name in trials.columns if name not in groups]]


def _file(frame: "pd.DataFrame", about: Mapping[str, str]) -> bytes:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise NotExportable(_INSTALL) from None
    columns = {name: _column(pa, name, frame[name].tolist()) for name in frame.columns}
    table = pa.table(columns).replace_schema_metadata(dict(about))
    out = io.BytesIO()
    pq.write_table(table, out)
    return out.getvalue()


def _column(pa: Any, name: str, values: list[Any]) -> Any:
    there = [None if value is None or value != value else value for value in values]  # noqa: PLR0124 - NaN is not itself
    kind: tuple[Callable[[Any], Any], Any] = (float, pa.float64())
    if _TEXT.fullmatch(name) or any(isinstance(value, str) for value in there):
        kind = (str, pa.string())
    elif _FLAG.fullmatch(name):
        kind = (bool, pa.bool_())
    elif _COUNT.fullmatch(name):
        kind = (int, pa.int64())
    make, of = kind
    return pa.array([None if value is None else make(value) for value in there], of)
