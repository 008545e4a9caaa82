// What colours and lines of the volumes mean.
"use strict";

window.ricenetLegend = (function () {
  const SPACE = "http://www.w3.org/2000/svg";
  const STOPS = 16;
  const CLEAR = 0.03; // of the highest dose, below which there is no colour
  const PARTS = [0, 0.25, 0.5, 0.75, 1];

  function element(name, values) {
    const made = document.createElementNS(SPACE, name);
    for (const pair of Object.entries(values)) made.setAttribute(...pair);
    return made;
  }

  // entries: colour, dash and words of each line.
  function listLines(list, entries) {
    const items = entries.map(([colour, dash, words]) => {
      const item = document.createElement("li");
      const swatch = element("svg", { width: 34, height: 10, "aria-hidden": "true" });
      const style = { stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash.join(" ") };
      swatch.append(element("line", { x1: 3, x2: 31, y1: 5, y2: 5, ...style }));
      item.append(swatch, words);
      return item;
    });
    list.replaceChildren(...items);
    list.hidden = !items.length;
  }

  // colours: red, green, blue and alpha of 256 steps, as NiiVue has them.
  function drawBar(bar, scale, colours, most) {
    const stops = Array.from({ length: STOPS + 1 }, (_, n) => {
      const at = 4 * Math.round((255 * Math.max(0, n / STOPS - CLEAR)) / (1 - CLEAR));
      return `rgb(${colours[at]}, ${colours[at + 1]}, ${colours[at + 2]})`;
    });
    bar.style.background = `linear-gradient(to right, ${stops.join(", ")})`;
    const ticks = PARTS.map((part) => {
      const tick = document.createElement("span");
      tick.textContent = Number((part * most).toFixed(most < 4 ? 2 : 1));
      return tick;
    });
    scale.replaceChildren(...ticks);
  }

  return { listLines, drawBar, CLEAR };
})();
