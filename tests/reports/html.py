"""Reading a page as a browser would: its text, its tables, its attributes."""

from html.parser import HTMLParser

__all__ = ["Reader", "read", "table_of"]

_EMPTY = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """`elements` are (tag, attributes, own and inner text) in the order they open."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str], list[str]]] = []
        self._open: list[int] = []
        self.unclosed: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, []))
        if tag not in _EMPTY:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}, []))

    def handle_endtag(self, tag: str) -> None:
        opened = self.elements[self._open.pop()][0]
        if opened != tag:
            self.unclosed.append(f"<{opened}> closed by </{tag}>")

    def handle_data(self, data: str) -> None:
        for place in self._open:
            self.elements[place][2].append(data)

    def find(self, tag: str, **wanted: str) -> list[str]:
        """The texts of elements of that tag with those attributes."""
        return [
            " ".join("".join(text).split())
            for name, attributes, text in self.elements
            if name == tag and all(attributes.get(key) == value for key, value in wanted.items())
        ]


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def table_of(page: str, section: str) -> str:
    """The part of the page from one section's id to the end of that section."""
    start = page.index(f'id="{section}"')
    return page[start : page.index("</section>", start)]
