"""What each candidate promised, and how the scenario's words were mapped to its settings."""

from collections.abc import Mapping, Sequence
from typing import Any

from .asked import promise_words
from .subjects import Subject

__all__ = ["promises"]

_POINTS = {
    "confirmed": "The sender may rely on a message once the broker has confirmed it.",
    "handed-over": "The sender may rely on a message once it is handed over: nothing confirms it.",
}


def promises(subjects: Sequence[Subject], delivery: Mapping[str, Any]) -> dict[str, Any]:
    asked = promise_words(delivery["guarantee"], delivery["survives"])
    return {
        "lead": f"Asked: {asked}. What cannot give it is excluded before the run; giving more counts as matched.",
        "candidates": [_promise(subject, delivery) for subject in subjects],
    }


def _promise(subject: Subject, asked: Mapping[str, Any]) -> dict[str, Any]:
    promise = subject.declared.get("promise")
    if subject.excluded:
        return {"who": subject.who, "text": f"Excluded: {subject.excluded}", "notes": []}
    if not promise:
        return {"who": subject.who, "text": "No promise was recorded.", "notes": []}
    words = promise_words(promise["guarantee"], promise["survives"])
    if subject.floor:
        match = "The floor, exempt from the promise: "
    else:
        match = "As asked: " if subject.record["matched"] else "Not what was asked: "
    same = all(promise[word] == asked[word] for word in ("guarantee", "survives"))
    stronger = "" if same or subject.floor or not subject.record["matched"] else " (stronger than asked)"
    text = f"{match}{words}{stronger}. {_POINTS.get(promise['point'], '')}"
    return {"who": subject.who, "text": text.strip(), "notes": promise["notes"]}
