"""The tables of a page, as a reader sees them."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """`rows`: section, [name, about] of the row's head, and data-label -> [text, note] of its cells."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.section, self.cell, self.small = [], "", None, 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        has = dict(attrs)
        self.section = has["id"] if tag == "section" else self.section
        self.rows += [(self.section, ["", ""], {})] if tag == "tr" else []
        if tag in ("td", "th"):
            head = self.rows[-1][1] if has.get("scope") == "row" else None
            self.cell = self.rows[-1][2].setdefault(has.get("data-label"), ["", ""]) if tag == "td" else head
            self.small = 0
        self.small += tag == "small"

    def handle_data(self, data):
        if self.cell is not None:
            self.cell[min(self.small, 1)] += data.strip()
