// Window and level of an image by dragging: to the side the window, up and down the level.
"use strict";

window.ricenetWindowing = (function () {
  const DOUBLING = 200; // px that double a window
  const RIGHT = 2;

  // pane: its windows (lowest and highest value) and its image; isAlways says whether every pointer
  // sets the window, not the right button only; set takes the new ends.
  function dragWindow(pane, picture, isAlways, set) {
    let from = null;
    let wanted = null;
    const isMeant = (event) => isAlways() || event.button === RIGHT || from !== null;

    function begin(event) {
      if (!isMeant(event)) return;
      event.stopPropagation(); // the cross stays
      const at = pane.windows.get(pane.image) || pane.image.window;
      from = { x: event.clientX, y: event.clientY, at };
      picture.setPointerCapture(event.pointerId);
    }

    function move(event) {
      if (!from) return;
      event.stopPropagation();
      const [low, high] = from.at;
      const { image } = pane;
      const gain = Math.max(high - low, (image.step * (image.high - image.low)) / 64) / DOUBLING;
      const width = Math.max(high - low + gain * (event.clientX - from.x), image.step);
      const level = (low + high) / 2 + gain * (event.clientY - from.y);
      if (!wanted) window.requestAnimationFrame(draw); // as often as the screen shows it
      wanted = [level - width / 2, level + width / 2];
    }

    function draw() {
      const ends = wanted;
      wanted = null;
      set(...ends);
    }

    function end(event) {
      if (from) event.stopPropagation();
      from = null;
    }

    picture.addEventListener("pointerdown", begin, true);
    picture.addEventListener("pointermove", move, true);
    for (const name of ["pointerup", "pointercancel"]) picture.addEventListener(name, end, true);
    for (const name of ["mousedown", "touchstart", "mousemove", "touchmove"]) {
      picture.addEventListener(name, (event) => isMeant(event) && event.stopPropagation(), true);
    }
    picture.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  return { dragWindow };
})();
