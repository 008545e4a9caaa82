// The controls of a case's volumes. Nothing is fetched: they lie in a script that the page loaded.
"use strict";

(async function () {
  const find = (id) => document.getElementById("viewer" + (id ? "-" + id : ""));
  const section = find("");
  const test = document.createElement("canvas").getContext("webgl2");
  if (!test || !window.niivue || !window.ricenetCase) {
    document.getElementById("no-webgl").hidden = false;
    return;
  }
  section.hidden = false;
  const MOST_PANES = 4;
  const { volumeOf, valueAt } = window.ricenetContours;
  const { create, paintLines } = window.ricenetPane;
  const { dragWindow } = window.ricenetWindowing;
  const { listLines, drawBar } = window.ricenetLegend;
  const { centre, images, doses, maps, lesion } = sorted(window.ricenetCase);
  // The first volume decides the space that the others are shown in.
  const order = [...images, ...doses, ...maps];
  const shown = images.length ? images : order.slice(0, 1);
  const panes = [];
  const windows = shown.map(() => new Map()); // of each pane, by image: lowest and highest value
  const volumes = new Map(); // of what has lines or is read out, by description
  let linesShown = [];

  function sorted(info) {
    const of = (kind) => info.volumes.filter((one) => one.kind === kind);
    const others = info.volumes.filter((one) => !["dose", "map", "lesion"].includes(one.kind));
    const images = [...others.filter((one) => one.anatomy), ...others.filter((one) => !one.anatomy)];
    return { centre: info.centre, images, doses: of("dose"), maps: of("map"), lesion: of("lesion")[0] };
  }

  const valueOf = (one, stored) => one.offset + one.step * stored;
  const storedOf = (one, value) => (value - one.offset) / one.step;
  const tidy = (value) => Number(value.toPrecision(4));
  const dose = () => doses.find((one) => one.name === find("which").value) || doses[0];
  const map = () => maps.find((one) => one.name === find("map").value);

  // Lines of the chosen dose and of the lesion, over every image.
  function chooseLines() {
    const chosen = dose();
    const isodoses = chosen && find("isodoses").checked ? chosen.lines : [];
    linesShown = isodoses.map((line) => ({
      volume: volumes.get(chosen), key: chosen.name, level: storedOf(chosen, line.gray),
      colour: line.colour, dash: line.dash, label: line.short,
    }));
    if (lesion && find("lesion").checked) {
      linesShown.push({ volume: volumes.get(lesion), key: "lesion ", level: 0.5 * lesion.high, colour: lesion.colour, dash: [] });
    }
  }

  function repaint() {
    chooseLines();
    panes.forEach((pane) => pane.viewer.drawScene());
  }

  // What lies over the images: opacity by description.
  function opacityOf(pane, one) {
    if (one === pane.image) return 1;
    if (one.kind === "dose" && images.length) return one === dose() ? find("dose").value / 100 : 0;
    if (one.kind === "map") return one === map() ? find("map-strength").value / 100 : 0;
    return 0;
  }

  function refresh(pane) {
    order.forEach((one, n) => (pane.viewer.volumes[n].opacity = opacityOf(pane, one)));
    pane.viewer.updateGLVolume();
  }

  function setWindow(pane, low, high) {
    const one = pane.image;
    const least = Math.abs(one.step) / 2;
    if (!Number.isFinite(low) || !Number.isFinite(high)) return showWindow(pane);
    if (high - low < least) high = low + least;
    pane.windows.set(one, [low, high]);
    const volume = pane.viewer.volumes[order.indexOf(one)];
    volume.cal_min = storedOf(one, low);
    volume.cal_max = storedOf(one, high);
    showWindow(pane);
    pane.viewer.updateGLVolume();
  }

  function showWindow(pane) {
    const [low, high] = pane.windows.get(pane.image) || pane.image.window;
    pane.width.value = tidy(high - low);
    pane.level.value = tidy((low + high) / 2);
    const preset = Array.from(pane.preset.options).find((one) => {
      const [width, level] = one.value.split(" ").map(Number);
      return Math.abs(width - (high - low)) < 0.5 && Math.abs(level - (low + high) / 2) < 0.5;
    });
    pane.preset.value = preset ? preset.value : "";
  }

  function setImage(pane, one) {
    pane.image = one;
    for (const unit of pane.units) unit.textContent = one.unit || "a.u.";
    pane.presets.hidden = !one.hounsfield;
    pane.canvas.setAttribute("aria-label", `${one.name} ${find("canvas-words").textContent}`);
    order.forEach((other, n) => (pane.viewer.volumes[n].opacity = opacityOf(pane, other)));
    setWindow(pane, ...(pane.windows.get(one) || one.window));
  }

  async function addPane(n) {
    const part = find("pane").content.cloneNode(true);
    const root = part.firstElementChild;
    const at = (name) => root.querySelector(`[data-part="${name}"]`);
    root.setAttribute("aria-label", `Image ${n + 1}`);
    at("canvas").id = `viewer-canvas-${n + 1}`;
    find("panes").append(part);
    const pane = await create(order, at("canvas"), at("marks"), (drawn) => paintLines(drawn, linesShown));
    for (const name of ["image", "width", "level", "preset", "presets", "reset"]) {
      pane[name === "image" ? "choice" : name] = at(name);
    }
    Object.assign(pane, { root, units: root.querySelectorAll("[data-part=unit]"), windows: windows[n] });
    panes.push(pane);
    if (n === 0) {
      order.forEach((one, m) => volumes.set(one, volumeOf(pane.viewer.volumes[m])));
      if (lesion) {
        const outline = await window.niivue.NVImage.loadFromBase64({ base64: lesion.data, name: "lesion.nii.gz" });
        volumes.set(lesion, volumeOf(outline));
      }
      chooseLines();
    } else pane.viewer.scene.crosshairPos = panes[0].viewer.scene.crosshairPos.slice();
    for (const one of shown) pane.choice.add(new Option(one.name));
    pane.choice.selectedIndex = Math.min(n, shown.length - 1);
    connect(pane, at("picture"));
    setImage(pane, shown[pane.choice.selectedIndex]);
  }

  function connect(pane, picture) {
    pane.viewer.onLocationChange = () => {
      for (const other of panes) {
        if (other === pane || other.root.hidden) continue;
        other.viewer.scene.crosshairPos = pane.viewer.scene.crosshairPos.slice();
        other.viewer.scene.pan2Dxyzmm = pane.viewer.scene.pan2Dxyzmm.slice();
        other.viewer.drawScene();
      }
      showReadout(pane);
    };
    pane.choice.addEventListener("change", () => setImage(pane, shown[pane.choice.selectedIndex]));
    const typed = () => {
      const [width, level] = [Math.abs(pane.width.valueAsNumber), pane.level.valueAsNumber];
      setWindow(pane, level - width / 2, level + width / 2);
    };
    pane.width.addEventListener("change", typed);
    pane.level.addEventListener("change", typed);
    pane.reset.addEventListener("click", () => setWindow(pane, ...pane.image.window));
    pane.preset.addEventListener("change", () => {
      const [width, level] = pane.preset.value.split(" ").map(Number);
      if (pane.preset.value) setWindow(pane, level - width / 2, level + width / 2);
    });
    picture.addEventListener("keydown", (event) => steer(pane, event), true);
    const isAlways = () => find("drag").value === "window";
    dragWindow(pane, picture, isAlways, (low, high) => setWindow(pane, low, high));
  }

  function showReadout(pane) {
    const mm = Array.from(pane.viewer.frac2mm(pane.viewer.scene.crosshairPos)).slice(0, 3);
    const world = pane.viewer.frac2mm(pane.viewer.scene.crosshairPos, 0, true); // RAS
    const side = (value, [less, more]) => (value < -0.05 ? less : more) + " " + Math.abs(value).toFixed(1);
    find("place").textContent = [side(world[0], "LR"), side(world[1], "PA"), side(world[2], "IS")].join(", ") + " mm";
    const signed = (value) => (value > 0 ? "+" : "") + value.toPrecision(2);
    // Not of MRI: what is stored of it is cut to its window.
    const readings = [...doses, ...maps.filter((one) => one === map()), ...images.filter((one) => one.hounsfield)].map((one) => {
      const stored = valueAt(volumes.get(one), mm) || 0;
      const value = valueOf(one, stored);
      const isCut = one.kind !== "dose"; // rare values of a map lie beyond its colours
      const beyond = isCut && stored >= one.high ? "\u2265 " : isCut && stored <= one.low ? "\u2264 " : "";
      const digits = one.kind === "map" ? signed(value) : value.toFixed(one.kind === "dose" ? 1 : 0);
      return `${one.name} ${beyond}${digits} ${one.unit}`;
    });
    find("values").textContent = readings.join(", ");
  }

  // In steps of voxels to the patient's right, front and head.
  const STEPS = {
    ArrowLeft: [1, 0, 0], ArrowRight: [-1, 0, 0], ArrowUp: [0, 1, 0],
    ArrowDown: [0, -1, 0], PageUp: [0, 0, 1], PageDown: [0, 0, -1],
  };
  function steer(pane, event) {
    event.stopPropagation(); // NiiVue has keys of its own, some with surprises
    if (!STEPS[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    pane.viewer.moveCrosshairInVox(...STEPS[event.key]);
  }

  function goToCentre() {
    const { viewer } = panes[0];
    viewer.scene.crosshairPos = viewer.mm2frac(centre, 0, true);
    viewer.createOnLocationChange();
    zoom();
  }

  // The cross is in the middle of the planes then.
  function zoom() {
    const factor = Number(find("zoom").value) / 100;
    find("zoom-value").textContent = `${find("zoom").value} %`;
    const { viewer } = panes[0];
    const cross = viewer.frac2mm(viewer.scene.crosshairPos);
    const { extentsMinOrtho: low, extentsMaxOrtho: high } = viewer.volumes[0];
    const pan = factor === 1 ? [0, 0, 0] : [0, 1, 2].map((n) => (low[n] + high[n]) / 2 - factor * cross[n]);
    for (const pane of panes) pane.viewer.setPan2Dxyzmm([...pan, factor]);
  }

  async function setNumber() {
    const number = Number(find("number").value);
    while (panes.length < number) await addPane(panes.length);
    panes.forEach((pane, n) => (pane.root.hidden = n >= number));
    find("panes").dataset.number = number;
    arrange();
    zoom();
  }

  const narrow = window.matchMedia("(max-width: 640px)"); // as in report.css
  function arrange() {
    const isAlone = find("number").value === "1";
    for (const { viewer } of panes) {
      viewer.opts.crosshairWidth = narrow.matches || !isAlone ? 1 : 0.5; // less than a pixel may not be drawn
      viewer.setMultiplanarLayout(narrow.matches || !isAlone ? 2 : 3); // two by two, or in a row
      viewer.resizeListener();
    }
  }

  function setDose() {
    const chosen = dose();
    if (!chosen) return;
    find("dose-value").textContent = find("dose").value + " %";
    const colours = panes[0].viewer.colormap(images.length ? "ofDose" : "gray");
    drawBar(find("bar"), find("bar-scale"), colours, valueOf(chosen, chosen.high));
    find("bar-name").textContent = `${chosen.name} in ${chosen.unit}`;
    legend(chosen);
    panes.forEach(refresh);
    repaint();
  }

  function legend(chosen) {
    const isShown = chosen && find("isodoses").checked;
    const entries = isShown ? chosen.lines.map((one) => [one.colour, one.dash, one.label]) : [];
    if (lesion && find("lesion").checked) entries.push([lesion.colour, [], "outline of the lesion mask"]);
    listLines(find("lines"), entries);
  }

  function setMap() {
    const chosen = map();
    find("map-strength-label").hidden = !chosen;
    find("map-value").textContent = find("map-strength").value + " %";
    find("map-words").textContent = chosen ? chosen.words : "";
    panes.forEach(refresh);
    showReadout(panes[0]);
  }

  const redrawLines = () => {
    repaint();
    legend(dose());
  };
  for (let n = 1; n <= Math.min(shown.length, MOST_PANES); n++) find("number").add(new Option(n));
  find("number").value = Math.min(2, shown.length);
  find("number-label").hidden = shown.length < 2;
  for (const one of doses) find("which").add(new Option(one.name));
  for (const one of maps) find("map").add(new Option(one.name));
  await setNumber();
  if (doses.length) {
    const isEmpty = doses.every((one) => one.empty);
    find("dose-label").hidden = !images.length || isEmpty;
    find("which-label").hidden = doses.length < 2;
    find("isodoses-label").hidden = doses.every((one) => !one.lines.length);
    find("bar-group").hidden = isEmpty;
    find("no-dose").hidden = !isEmpty;
    find("dose").addEventListener("input", setDose);
    find("which").addEventListener("change", setDose);
    find("isodoses").addEventListener("change", redrawLines);
  }
  if (maps.length) {
    find("map-label").hidden = false;
    find("map").addEventListener("change", setMap);
    find("map-strength").addEventListener("input", setMap);
  }
  find("lesion-label").hidden = !lesion;
  find("lesion").addEventListener("change", redrawLines);
  find("planes").addEventListener("change", (event) => {
    for (const { viewer } of panes) viewer.setSliceType(Number(event.target.value));
  });
  find("number").addEventListener("change", setNumber);
  find("zoom").addEventListener("input", zoom);
  find("centre").addEventListener("click", () => {
    find("zoom").value = 100;
    goToCentre();
  });
  narrow.addEventListener("change", arrange);
  if (doses.length) setDose();
  else legend(null);
  goToCentre();
  section.dataset.ready = "yes";
})();
