// The volumes of a case in NiiVue. Nothing is fetched: they lie in a script that the page loaded.
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
  const { Niivue, NVImage } = window.niivue;
  const info = window.ricenetCase;
  const isDose = (one) => one.kind === "dose";
  const isMap = (one) => one.kind === "map";
  const images = info.volumes.filter((one) => !isDose(one) && !isMap(one) && one.kind !== "lesion");
  const viewer = new Niivue({
    backColor: [0, 0, 0, 1],
    crosshairColor: [1, 1, 1, 0.55],
    crosshairWidthUnit: "mm",
    crosshairGap: 3,
    dragAndDropEnabled: false,
    isRadiologicalConvention: true,
    sagittalNoseLeft: true,
    loadingText: "",
    show3Dcrosshair: false,
    multiplanarShowRender: 0,
    fontColor: [1, 0.84, 0.31, 1],
    logLevel: "silent",
  });
  const map = find("map");
  const signed = (value) => (value > 0 ? "+" : "") + value.toPrecision(2);
  viewer.onLocationChange = tell;
  await viewer.attachToCanvas(find("canvas"));
  viewer.setRadiologicalConvention(true);

  // Of a map: 0 is the middle of its values and clear; against the class blue, for it orange.
  viewer.addColormap("forAndAgainst", {
    R: [60, 60, 60, 255, 255, 255],
    G: [150, 150, 150, 140, 140, 140],
    B: [255, 255, 255, 20, 20, 20],
    A: [255, 150, 0, 0, 150, 255],
    I: [0, 64, 124, 131, 191, 255],
  });
  // The first volume decides the space that the others are shown in.
  const order = [...images, ...info.volumes.filter((one) => !images.includes(one))];
  for (const one of order) {
    const alone = images.length === 0 && one === order[0];
    const colours = alone ? "gray" : colour(one);
    const volume = await NVImage.loadFromBase64({
      base64: one.data,
      name: one.name + ".nii.gz",
      colormap: colours,
      opacity: one === order[0] ? 1 : 0,
      cal_min: isDose(one) && !alone ? 0.03 * one.high : one.low,
      cal_max: one.high,
    });
    viewer.addVolume(volume);
  }

  function colour(one) {
    if (isMap(one)) return "forAndAgainst";
    if (one.kind === "lesion") return "violet";
    return isDose(one) ? "inferno" : "gray";
  }

  function opacity(match, value) {
    order.forEach((one, n) => {
      if (match(one)) viewer.setOpacity(n, value);
    });
  }

  function tell(location) {
    // Not of other images: what is stored of them is cut to their window and to few greys.
    const told = order.map((one, n) => {
      if (!isDose(one) && !(isMap(one) && one.name === map.value)) return "";
      const stored = location.values[n] ? location.values[n].value : 0;
      const value = one.offset + one.step * stored;
      // Rare values of a map lie beyond its colours, and are stored as the last of these.
      const beyond = stored >= one.high ? "\u2265 " : stored <= one.low ? "\u2264 " : "";
      return one.name + " " + (isMap(one) ? beyond + signed(value) : value.toFixed(1)) + " " + one.unit;
    });
    find("values").textContent = told.filter(Boolean).join(", ");
  }

  const choice = find("image");
  for (const one of images.length ? images : order) choice.add(new Option(one.name));
  choice.addEventListener("change", () => {
    opacity((one) => images.includes(one), 0);
    opacity((one) => one.name === choice.value, 1);
  });

  const dose = find("dose");
  const which = find("which"); // one at a time: colours of two doses cannot be told apart
  const doses = order.filter(isDose);
  for (const one of doses) which.add(new Option(one.name));
  const setDose = () => {
    find("dose-value").textContent = dose.value + " %";
    opacity((one) => isDose(one) && one.name !== which.value, 0);
    opacity((one) => isDose(one) && one.name === which.value, dose.value / 100);
  };
  if (images.length && doses.length) {
    find("dose-label").hidden = false;
    find("which-label").hidden = doses.length < 2;
    dose.addEventListener("input", setDose);
    which.addEventListener("change", setDose);
    setDose();
  }

  const strength = find("map-strength");
  const maps = order.filter(isMap);
  for (const one of maps) map.add(new Option(one.name));
  const setMap = () => {
    const shown = maps.find((one) => one.name === map.value);
    find("map-strength-label").hidden = !shown;
    find("map-value").textContent = strength.value + " %";
    find("map-words").textContent = shown ? shown.words : "";
    opacity(isMap, 0);
    opacity((one) => one === shown, strength.value / 100);
    viewer.createOnLocationChange();
  };
  if (maps.length) {
    find("map-label").hidden = false;
    map.addEventListener("change", setMap);
    strength.addEventListener("input", setMap);
  }

  const lesion = find("lesion");
  if (order.some((one) => one.kind === "lesion")) {
    find("lesion-label").hidden = false;
    lesion.addEventListener("change", () => opacity((one) => one.kind === "lesion", lesion.checked ? 0.6 : 0));
  }

  find("planes").addEventListener("change", (event) => viewer.setSliceType(Number(event.target.value)));
  const centre = () => {
    viewer.scene.crosshairPos = viewer.mm2frac(info.centre);
    viewer.createOnLocationChange();
    viewer.drawScene();
  };
  // In steps of voxels to the patient's right, front and head.
  const steps = {
    ArrowLeft: [1, 0, 0],
    ArrowRight: [-1, 0, 0],
    ArrowUp: [0, 1, 0],
    ArrowDown: [0, -1, 0],
    PageUp: [0, 0, 1],
    PageDown: [0, 0, -1],
  };
  const steer = (event) => {
    event.stopPropagation(); // NiiVue has keys of its own, some with surprises
    const step = steps[event.key];
    if (!step) return;
    event.preventDefault();
    viewer.moveCrosshairInVox(...step);
  };
  find("canvas").parentElement.addEventListener("keydown", steer, true);
  find("centre").addEventListener("click", centre);
  viewer.setSliceType(3);
  const narrow = window.matchMedia("(max-width: 640px)"); // as in report.css
  const arrange = () => {
    viewer.opts.crosshairWidth = narrow.matches ? 1.2 : 0.5; // less than a pixel may not be drawn
    viewer.setMultiplanarLayout(narrow.matches ? 2 : 3); // two by two, or in a row
  };
  narrow.addEventListener("change", arrange);
  arrange();
  centre();
  section.dataset.ready = "yes";
})();
