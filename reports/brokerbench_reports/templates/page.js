"use strict";
(() => {
  const all = (query, of = document) => [...of.querySelectorAll(query)];
  const make = (tag, set, ...inner) => {
    const made = Object.assign(document.createElement(tag), set);
    made.append(...inner);
    return made;
  };

  // Sorting: a button in each head; rows move within their part of the table, those without a figure to its end.
  const key = (row, at) => {
    const cell = row.children[at];
    if (!cell || cell.colSpan > 1) return null;
    if (cell.dataset.sort !== undefined) return Number(cell.dataset.sort);
    return cell.classList.contains("none") ? null : cell.textContent.trim();
  };
  const against = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en"));
  const sort = (table, at, down) => {
    const body = table.tBodies[0];
    let part = [];
    const place = (before) => {
      const known = part.filter((row) => key(row, at) !== null);
      known.sort((a, b) => (down ? -1 : 1) * against(key(a, at), key(b, at)));
      for (const row of [...known, ...part.filter((row) => key(row, at) === null)]) body.insertBefore(row, before);
      part = [];
    };
    for (const row of [...body.rows]) row.classList.contains("part") ? place(row) : part.push(row);
    place(null);
  };
  for (const table of all("table[data-sortable]")) {
    const heads = all("thead th", table);
    heads.forEach((head, at) => {
      const unit = head.querySelector("small");
      const button = make("button", { type: "button", className: "sort" }, ...head.childNodes);
      button.insertBefore(make("span", { className: "arrow", ariaHidden: "true" }), unit);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(table, at, down);
      });
    });
  }

  // Hiding: everywhere below the answer, never in the answer itself.
  const shown = document.getElementById("shown");
  const subjects = all("#verdict tr[data-series]");
  if (shown && subjects.length > 1) {
    shown.append(make("span", { className: "in" }, "Show below:"));
    for (const row of subjects) {
      const own = row.dataset.series;
      const button = make("button", { type: "button", className: "toggle" });
      button.append(row.querySelector(".key").cloneNode(), row.querySelector("th bdi").cloneNode(true));
      button.setAttribute("aria-pressed", "true");
      button.addEventListener("click", () => {
        const gone = button.getAttribute("aria-pressed") === "true";
        button.setAttribute("aria-pressed", String(!gone));
        for (const item of all(`.of-${own}, [data-series="${own}"]`)) {
          if (!item.closest("#verdict, #validity")) item.classList.toggle("gone", gone);
        }
        for (const head of all("tr.part")) {
          let next = head.nextElementSibling;
          while (next && next.matches(".gone")) next = next.nextElementSibling;
          head.classList.toggle("gone", !next || next.matches(".part"));
        }
      });
      shown.append(button);
    }
    shown.append(make("span", { className: "in" }, "Point at a chart, or focus it and use the arrow keys, to read values."));
    shown.hidden = false;
  }

  // Reading values: the pointer or the arrow keys pick a place of a chart, the line below it tells what stands there.
  for (const chart of all("svg[data-read]")) {
    const read = JSON.parse(chart.dataset.read);
    const box = chart.viewBox.baseVal;
    const told = make("p", { className: "readout" });
    told.setAttribute("aria-live", "polite");
    chart.after(told);
    const line = document.createElementNS(chart.namespaceURI, "line");
    line.setAttribute("class", "cursor");
    chart.append(line);
    chart.setAttribute("tabindex", "0");
    let at = -1;
    const show = (next) => {
      if (next === at) return;
      at = Math.max(0, Math.min(read.at.length - 1, next));
      const place = read.from + (read.to - read.from) * read.at[at];
      const ends = read.rows ? [0, place, box.width, place] : [place, 0, place, box.height];
      ["x1", "y1", "x2", "y2"].forEach((name, i) => line.setAttribute(name, ends[i]));
      told.replaceChildren(make("strong", {}, read.labels[at]));
      for (const own of read.lines) {
        if (!own.values[at]) continue;
        const item = make("span", {}, `${own.name} ${own.values[at]}`.trim());
        if (own.series !== null) item.classList.add(`of-${own.series}`);
        told.append(item);
      }
    };
    const point = (event) => {
      const size = chart.getBoundingClientRect();
      const share = read.rows ? (event.clientY - size.top) / size.height : (event.clientX - size.left) / size.width;
      const place = (share * (read.rows ? box.height : box.width) - read.from) / (read.to - read.from);
      let near = 0;
      read.at.forEach((other, i) => { if (Math.abs(other - place) < Math.abs(read.at[near] - place)) near = i; });
      show(near);
    };
    const leave = () => {
      at = -1;
      told.replaceChildren();
      ["x1", "y1", "x2", "y2"].forEach((name) => line.removeAttribute(name));
    };
    for (const kind of ["pointerleave", "blur"]) chart.addEventListener(kind, leave);
    chart.addEventListener("pointermove", point);
    chart.addEventListener("pointerdown", point);
    chart.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const edge = { Home: 0, End: read.at.length - 1 }[event.key];
      if (step === undefined && edge === undefined) return;
      event.preventDefault();
      show(edge ?? at + step);
    });
  }

  addEventListener("beforeprint", () => all("details").forEach((one) => { one.open = true; }));
})();
