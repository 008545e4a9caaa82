// One image of a case in NiiVue, with its window, the dose or a map over it, and lines above.
"use strict";

window.ricenetPane = (function () {
  const { AXIS, contoursOf } = window.ricenetContours;
  const SHORTEST = 36; // px of a line that gets a label
  const APART = 22;
  const OPTIONS = {
    backColor: [0, 0, 0, 1],
    crosshairColor: [1, 1, 1, 0.55],
    crosshairWidthUnit: "mm",
    crosshairGap: 3,
    dragAndDropEnabled: false,
    dragMode: 0, // what the right button does is decided below
    isRadiologicalConvention: true,
    sagittalNoseLeft: true,
    loadingText: "",
    show3Dcrosshair: false,
    multiplanarShowRender: 0,
    fontColor: [1, 0.84, 0.31, 1],
    fontMinPx: 11,
    logLevel: "silent",
  };
  // Of a map: 0 is the middle of its values and clear; against the class blue, for it orange.
  const FOR_AND_AGAINST = {
    R: [60, 60, 60, 255, 255, 255],
    G: [150, 150, 150, 140, 140, 140],
    B: [255, 255, 255, 20, 20, 20],
    A: [255, 150, 0, 0, 150, 255],
    I: [0, 64, 124, 131, 191, 255],
  };
  // Of a dose: the colours of the bar, clearer where the dose is low, so that the image is seen.
  const OF_DOSE = {
    R: [0, 87, 187, 249, 252],
    G: [0, 15, 55, 142, 255],
    B: [4, 109, 84, 8, 164],
    A: [30, 120, 200, 255, 255],
    I: [0, 64, 128, 191, 255],
  };
  const COLOURS = { map: "forAndAgainst", dose: "ofDose" };

  // volumes: descriptions of all, the images first; canvas and marks lie on each other.
  async function create(volumes, canvas, marks, paint) {
    const viewer = new window.niivue.Niivue(OPTIONS);
    await viewer.attachToCanvas(canvas);
    viewer.setRadiologicalConvention(true);
    viewer.addColormap("forAndAgainst", FOR_AND_AGAINST);
    viewer.addColormap("ofDose", OF_DOSE);
    for (const [n, one] of volumes.entries()) {
      const isDoseOverImages = one.kind === "dose" && n > 0;
      const volume = await window.niivue.NVImage.loadFromBase64({
        base64: one.data,
        name: one.name + ".nii.gz",
        colormap: (n > 0 && COLOURS[one.kind]) || "gray",
        opacity: n === 0 ? 1 : 0,
        cal_min: isDoseOverImages ? window.ricenetLegend.CLEAR * one.high : one.low,
        cal_max: one.high,
      });
      viewer.addVolume(volume);
    }
    const pane = { viewer, canvas, marks, image: volumes[0] };
    // Every change ends here, whoever caused it: the lines follow.
    const draw = viewer.drawScene.bind(viewer);
    viewer.drawScene = () => {
      const drawn = draw();
      paint(pane);
      return drawn;
    };
    viewer.setSliceType(3);
    return pane;
  }

  // From mm in a tile of the canvas to its pixels.
  function projection(slice) {
    const [left, top, width, height] = slice.leftTopWidthHeight;
    return ([x, y]) => [
      left + (width * (x - slice.leftTopMM[0])) / slice.fovMM[0],
      top + height * (1 - (y - slice.leftTopMM[1]) / slice.fovMM[1]),
    ];
  }

  function length(points) {
    let sum = 0;
    for (let n = 1; n < points.length; n++) {
      sum += Math.hypot(points[n][0] - points[n - 1][0], points[n][1] - points[n - 1][1]);
    }
    return sum;
  }

  function place(points, n, taken, ratio) {
    const middle = [0, 1].map((axis) => points.reduce((sum, one) => sum + one[axis], 0) / points.length);
    for (let turn = 0; turn < 8; turn++) {
      const angle = (Math.PI / 4) * (2 * n + 3 * turn) - Math.PI / 2;
      const along = (one) => (one[0] - middle[0]) * Math.cos(angle) + (one[1] - middle[1]) * Math.sin(angle);
      const best = points.reduce((a, b) => (along(b) > along(a) ? b : a));
      if (taken.every((one) => Math.hypot(one[0] - best[0], one[1] - best[1]) > APART * ratio)) return best;
    }
    return null;
  }

  // lines: volume, key, level, colour, dash and label of each.
  function paintLines(pane, lines) {
    const { canvas, marks, viewer } = pane;
    if (marks.width !== canvas.width) marks.width = canvas.width;
    if (marks.height !== canvas.height) marks.height = canvas.height;
    const ratio = canvas.width / Math.max(1, canvas.clientWidth);
    const pen = marks.getContext("2d");
    pen.clearRect(0, 0, marks.width, marks.height);
    pen.font = `${Math.round(11 * ratio)}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.lineJoin = "round";
    if (!viewer.volumes.length) return;
    const cross = viewer.frac2mm(viewer.scene.crosshairPos);
    for (const slice of viewer.screenSlices) {
      if (slice.axCorSag > 2) continue;
      const project = projection(slice);
      const taken = [];
      pen.save();
      pen.beginPath();
      pen.rect(...slice.leftTopWidthHeight);
      pen.clip();
      lines.forEach((line, n) => {
        const mm = cross[AXIS[slice.axCorSag]];
        const all = contoursOf(line.volume, slice.axCorSag, mm, line.level, line.key);
        const drawn = all.map((points) => points.map(project));
        stroke(pen, drawn, line, ratio);
        const longest = drawn.reduce((a, b) => (length(b) > length(a) ? b : a), []);
        if (!line.label || length(longest) < SHORTEST * ratio) return;
        const at = place(longest, n, taken, ratio);
        if (at) taken.push([...at, line]);
      });
      for (const [x, y, line] of taken) {
        pen.lineWidth = 3 * ratio;
        pen.strokeStyle = "#000";
        pen.strokeText(line.label, x, y);
        pen.fillStyle = line.colour;
        pen.fillText(line.label, x, y);
      }
      pen.restore();
    }
  }

  function stroke(pen, drawn, line, ratio) {
    pen.setLineDash(line.dash.map((one) => one * ratio));
    pen.strokeStyle = line.colour;
    pen.lineWidth = 1.6 * ratio;
    pen.beginPath();
    for (const points of drawn) points.forEach((one, n) => (n ? pen.lineTo(...one) : pen.moveTo(...one)));
    pen.stroke();
    pen.setLineDash([]);
  }

  return { create, paintLines };
})();
