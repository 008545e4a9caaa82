// Lines of equal value in planes of a volume, in mm; nothing of the page is touched here.
"use strict";

window.ricenetContours = (function () {
  const AXIS = [2, 1, 0]; // of an axial, a coronal, a sagittal plane: the axis that it stands on
  const ACROSS = [[0, 1], [0, 2], [1, 2]];
  const MOST = 400; // planes that are kept
  const kept = new Map();

  // A volume whose axes run to the patient's left... right, front and head, as NiiVue turns it.
  function volumeOf(image) {
    return {
      values: image.img2RAS(),
      size: Array.from(image.dimsRAS).slice(1, 4),
      step: Array.from(image.pixDimsRAS).slice(1, 4),
      start: Array.from(image.extentsMinOrtho),
    };
  }

  function indexOf(volume, axis, mm) {
    return (mm - volume.start[axis]) / volume.step[axis] - 0.5;
  }

  // Value of the voxel that a point in mm lies in; undefined outside of the volume.
  function valueAt(volume, mm) {
    const at = mm.map((one, axis) => Math.round(indexOf(volume, axis, one)));
    if (at.some((one, axis) => one < 0 || one >= volume.size[axis])) return undefined;
    return volume.values[at[0] + volume.size[0] * (at[1] + volume.size[1] * at[2])];
  }

  // Values of a plane, linear between its two neighbours; null outside of the volume.
  function planeOf(volume, plane, mm) {
    const axis = AXIS[plane];
    const [a, b] = ACROSS[plane];
    const n = volume.size[axis];
    const index = indexOf(volume, axis, mm);
    if (index < -0.5 || index > n - 0.5) return null;
    const near = Math.min(Math.max(index, 0), n - 1);
    const low = Math.floor(near);
    const high = Math.min(low + 1, n - 1);
    const stride = [1, volume.size[0], volume.size[0] * volume.size[1]];
    const [width, height] = [volume.size[a], volume.size[b]];
    const values = new Float32Array(width * height);
    for (let v = 0; v < height; v++) {
      for (let u = 0; u < width; u++) {
        const at = u * stride[a] + v * stride[b];
        const first = volume.values[at + low * stride[axis]];
        const second = volume.values[at + high * stride[axis]];
        values[u + width * v] = first + (near - low) * (second - first);
      }
    }
    return { values, width, height };
  }

  // Marching squares: pieces of line between crossings of edges, which have a number each.
  function piecesOf({ values, width, height }, level) {
    const pieces = [];
    const points = new Map();
    const cross = (number, u, v, a, b, isUpright) => {
      const part = (level - a) / (b - a);
      points.set(number, isUpright ? [u, v + part] : [u + part, v]);
      return number;
    };
    for (let v = 0; v + 1 < height; v++) {
      for (let u = 0; u + 1 < width; u++) {
        const at = u + width * v;
        const corners = [values[at], values[at + 1], values[at + 1 + width], values[at + width]];
        const isIn = corners.map((value) => value >= level);
        if (isIn.every((one) => one === isIn[0])) continue;
        const ends = [];
        if (isIn[0] !== isIn[1]) ends.push(cross(2 * at, u, v, corners[0], corners[1], false));
        if (isIn[1] !== isIn[2]) ends.push(cross(2 * at + 3, u + 1, v, corners[1], corners[2], true));
        if (isIn[2] !== isIn[3]) ends.push(cross(2 * (at + width), u, v + 1, corners[3], corners[2], false));
        if (isIn[3] !== isIn[0]) ends.push(cross(2 * at + 1, u, v, corners[0], corners[3], true));
        if (ends.length === 4) {
          // A saddle: its middle decides which corners belong together.
          const middle = (corners[0] + corners[1] + corners[2] + corners[3]) / 4 >= level;
          if (middle === isIn[0]) pieces.push([ends[0], ends[1]], [ends[2], ends[3]]);
          else pieces.push([ends[3], ends[0]], [ends[1], ends[2]]);
        } else pieces.push(ends);
      }
    }
    return { pieces, points };
  }

  function chained({ pieces, points }) {
    const touching = new Map();
    pieces.forEach((piece, n) => {
      for (const end of piece) touching.set(end, [...(touching.get(end) || []), n]);
    });
    const used = new Array(pieces.length).fill(false);
    const lines = [];
    const follow = (start, from) => {
      const line = [points.get(from)];
      let n = start;
      let end = from;
      while (n !== undefined && !used[n]) {
        used[n] = true;
        end = pieces[n][0] === end ? pieces[n][1] : pieces[n][0];
        line.push(points.get(end));
        n = touching.get(end).find((other) => !used[other]);
      }
      lines.push(line);
    };
    // Open lines first, from their ends; what is left is closed.
    for (const [end, owners] of touching) if (owners.length === 1 && !used[owners[0]]) follow(owners[0], end);
    pieces.forEach((piece, n) => used[n] || follow(n, piece[0]));
    return lines;
  }

  // The lines of a level in a plane (0 axial, 1 coronal, 2 sagittal) at a place in mm, each a list
  // of points in mm along the two axes of the plane.
  function contoursOf(volume, plane, mm, level, key) {
    const name = [key, plane, mm.toFixed(2), level].join("|");
    if (!kept.has(name)) {
      if (kept.size > MOST) kept.clear();
      const values = planeOf(volume, plane, mm);
      const [a, b] = ACROSS[plane];
      const toMm = ([u, v]) => [
        volume.start[a] + (u + 0.5) * volume.step[a],
        volume.start[b] + (v + 0.5) * volume.step[b],
      ];
      kept.set(name, values ? chained(piecesOf(values, level)).map((line) => line.map(toMm)) : []);
    }
    return kept.get(name);
  }

  return { AXIS, volumeOf, valueAt, contoursOf };
})();
