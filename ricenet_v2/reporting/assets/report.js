// Sorting and filtering of the table of cases. Without scripts the table is whole, just not sorted.
"use strict";

(function () {
  const table = document.getElementById("case-table");
  if (!table) return;
  const body = table.tBodies[0];
  const rows = Array.from(body.rows);
  const heads = Array.from(table.tHead.rows[0].cells);

  function key(row, column) {
    const cell = row.cells[column];
    const text = cell.dataset.value !== undefined ? cell.dataset.value : cell.textContent.trim();
    return text === "" || isNaN(Number(text)) ? text : Number(text);
  }

  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === "number") return -1;
    if (typeof b === "number") return 1;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  }

  function sort(column) {
    const head = heads[column];
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    heads.forEach((one) => one.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const keyed = rows.map((row) => [key(row, column), row]);
    keyed.sort((a, b) => (ascending ? compare(a[0], b[0]) : compare(b[0], a[0])));
    body.append(...keyed.map((pair) => pair[1]));
  }

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = head.textContent;
    button.addEventListener("click", () => sort(column));
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
  });

  const form = document.getElementById("filters");
  const text = document.getElementById("filter-text");
  const count = document.getElementById("filter-count");
  const selects = Array.from(form.querySelectorAll("select"));
  const only = Array.from(form.querySelectorAll("[data-only]"));

  function filter() {
    const wanted = text.value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits =
        row.cells[0].textContent.toLowerCase().includes(wanted) &&
        selects.every((one) => !one.value || row.dataset[one.dataset.filter] === one.value) &&
        only.every((one) => !one.checked || one.dataset.only in row.dataset);
      row.hidden = !fits;
      shown += fits;
    }
    const n = (value) => value.toLocaleString("en");
    count.textContent = n(shown) + " of " + n(rows.length) + " rows";
  }

  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  filter();
})();
