"""`needs:` of a scenario: a list of words, and of words with a value (`protocol: amqp-1.0`)."""

from collections.abc import Collection, Iterator

from brokerbench.model import PLAIN_NEEDS, VALUED_NEEDS, VALUES, Need, size_bytes

from .check import Checker
from .problems import Place, nearest
from .tree import Entry, Items, Leaf, Node

__all__ = ["SIZE_EXAMPLE", "plain_words", "read_needs"]

SIZE_EXAMPLE = "1MiB"


def plain_words(features: Collection[str]) -> tuple[str, ...]:
    """`features`: the words that a driver declares and a test proves."""
    return tuple(sorted({*features, *PLAIN_NEEDS}))


def read_needs(entry: Entry, check: Checker, features: Collection[str]) -> list[Need]:
    """Complaints go to `check`; what they are about is left out."""
    if isinstance(entry.node, Leaf) and entry.node.empty:
        check.complain(("needs",), entry.place, "needs has no value", "give it one, or remove the line")
        return []
    if not isinstance(entry.node, Items):
        found = f"the value {entry.node.text!r}" if isinstance(entry.node, Leaf) else "a table of keys"
        hint = "write needs: [replay, protocol: amqp-1.0]"
        check.complain(("needs",), entry.node.place, f"needs is a list; found {found}", hint)
        return []
    reading = _Reading(check, plain_words(features))
    return [need for index, node in enumerate(entry.node.nodes) for need in reading.needs(node, str(index))]


class _Reading:
    def __init__(self, check: Checker, plain: tuple[str, ...]) -> None:
        self._check = check
        self._plain = plain
        self._seen: dict[str, Place] = {}
        self._all = f"{', '.join(plain)}; with a value: {', '.join(sorted(VALUED_NEEDS))}"

    def needs(self, node: Node, index: str) -> Iterator[Need]:
        path = ("needs", index)
        if isinstance(node, Leaf):
            yield from self._word(node, path)
        elif isinstance(node, Items):
            self._check.complain(path, node.place, "needs: an entry is a word, or a word with its value; found a list")
        else:
            for key, entry in node.entries.items():
                yield from self._valued(key, entry, (*path, key))

    def _word(self, leaf: Leaf, path: tuple[str, ...]) -> Iterator[Need]:
        word, complain = leaf.text, self._check.complain
        if word in VALUED_NEEDS:
            complain(path, leaf.place, f"needs: {word} takes a value", _example(word))
        elif word not in self._plain:
            hint = nearest(word, [*self._plain, *VALUED_NEEDS], self._all)
            complain(path, leaf.place, f"needs: no need is called {word!r}", hint)
        else:
            yield from self._once(Need(word=word), leaf.place, path)

    def _valued(self, word: str, entry: Entry, path: tuple[str, ...]) -> Iterator[Need]:
        node, complain = entry.node, self._check.complain
        if word in self._plain:
            complain(path, entry.place, f"needs: {word} takes no value", f"write it as a word alone: {word}")
        elif word not in VALUED_NEEDS:
            hint = nearest(word, [*self._plain, *VALUED_NEEDS], self._all)
            complain(path, entry.place, f"needs: no need is called {word!r}", hint)
        elif not isinstance(node, Leaf):
            complain(path, node.place, f"needs.{word} is one value", f"for several, {_example(word)} for each of them")
        elif node.empty:
            complain(path, entry.place, f"needs.{word} has no value", _example(word))
        elif word in VALUES and node.text not in VALUES[word]:
            hint = nearest(node.text, VALUES[word])
            complain(path, node.place, f"needs.{word} is {node.text}, which is not one of its words", hint)
        else:
            try:
                if word not in VALUES:
                    size_bytes(node.text)
            except ValueError as error:
                complain(path, node.place, f"needs.{word}: {error}")
                return
            yield from self._once(Need(word=word, value=node.text), node.place, path)

    def _once(self, need: Need, place: Place, path: tuple[str, ...]) -> Iterator[Need]:
        first = self._seen.setdefault(need.text, place)
        if first is place:
            yield need
        else:
            text = f"needs: {need.text} stands here twice (first on line {first.line})"
            self._check.complain(path, place, text, "keep one")


def _example(word: str) -> str:
    return f"write {word}: {VALUES[word][0] if word in VALUES else SIZE_EXAMPLE}"
