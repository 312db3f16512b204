/**
 * Mouse, touch and keyboard.
 *
 * @typedef {import("./view.js").WaterfallView} View
 */

import { labelLeft } from "./paint.js";

const CLOSER = 0.6;
const DRAG = 4; // pixels; less is a click

/** @param {View} view */
export function connectTools(view) {
  const { search, pathOnly, aligned, closer, farther, fit } = view.parts;
  search.addEventListener("input", () => view.search(search.value));
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter") view.nextMatch(event.shiftKey ? -1 : 1);
    else if (event.key === "Escape") {
      search.value = "";
      view.search("");
      view.parts.scroller.focus();
    } else return;
    event.preventDefault();
  });
  pathOnly.addEventListener("change", () => view.setPathOnly(pathOnly.checked));
  aligned.addEventListener("change", () => view.setAligned(aligned.checked));
  const zooming = (change) => () => {
    change();
    view.repaint();
  };
  closer.addEventListener("click", zooming(() => view.time.zoom(CLOSER)));
  farther.addEventListener("click", zooming(() => view.time.zoom(1 / CLOSER)));
  fit.addEventListener("click", zooming(() => view.time.fit()));
}

/** @param {View} view */
export function connectKeys(view) {
  const { scroller } = view.parts;
  scroller.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = event.shiftKey ? SHIFTED[event.key] : KEYS[event.key];
    if (!action) return;
    event.preventDefault();
    action(view);
  });
  for (const change of ["focus", "blur"]) scroller.addEventListener(change, () => view.repaint());
}

/** @param {View} view @param {number} places */
function step(view, places) {
  const { tree } = view;
  const place = tree.placeOf(view.active) + places;
  view.goTo(tree.visible[Math.max(0, Math.min(place, tree.visible.length - 1))]);
}

/** @param {View} view */
function page(view) {
  return Math.max(1, Math.floor(view.parts.scroller.clientHeight / view.layout.rowHeight) - 1);
}

/** @param {View} view */
function left(view) {
  const { tree, active } = view;
  if (tree.hasChildren(active) && !tree.collapsed[active]) view.collapse(active, true);
  else if (tree.parent[active] >= 0) view.goTo(tree.parent[active]);
}

/** @param {View} view */
function right(view) {
  const { tree, active } = view;
  if (!tree.hasChildren(active)) return;
  if (tree.collapsed[active]) view.collapse(active, false);
  else step(view, 1);
}

/** @param {View} view @param {number} factor */
function zoom(view, factor) {
  view.time.zoom(factor);
  view.repaint();
}

/** @param {View} view @param {number} share of what is in view */
function pan(view, share) {
  view.time.pan(view.time.length * share);
  view.repaint();
}

/** @type {Record<string, (view: View) => void>} */
const KEYS = {
  ArrowDown: (view) => step(view, 1),
  ArrowUp: (view) => step(view, -1),
  PageDown: (view) => step(view, page(view)),
  PageUp: (view) => step(view, -page(view)),
  Home: (view) => step(view, -Infinity),
  End: (view) => step(view, Infinity),
  ArrowLeft: left,
  ArrowRight: right,
  Enter: (view) => view.select(view.active),
  " ": (view) => view.select(view.active),
  "+": (view) => zoom(view, CLOSER),
  "=": (view) => zoom(view, CLOSER),
  "-": (view) => zoom(view, 1 / CLOSER),
  0: (view) => zoom(view, Infinity),
  z: (view) => view.zoomTo(view.active),
  p: (view) => view.setPathOnly(!view.tree.pathOnly),
  n: (view) => view.nextMatch(1),
  "/": (view) => view.parts.search.focus(),
};

/** @type {Record<string, (view: View) => void>} */
const SHIFTED = {
  ArrowLeft: (view) => pan(view, -0.25),
  ArrowRight: (view) => pan(view, 0.25),
  "+": (view) => zoom(view, CLOSER),
  N: (view) => view.nextMatch(-1),
  "/": (view) => view.parts.search.focus(),
};

/** @param {View} view */
export function connectPointer(view) {
  connectRows(view);
  connectStrip(view);
  for (const canvas of [view.parts.rows, view.parts.head]) {
    canvas.addEventListener("wheel", (event) => wheel(view, event), { passive: false });
  }
}

/** Ctrl (or a pinch on a touchpad) zooms, sideways moves; up and down scrolls as everywhere. */
function wheel(view, event) {
  const sideways = event.deltaX || (event.shiftKey ? event.deltaY : 0);
  if (event.ctrlKey || event.metaKey) {
    view.time.zoom(1.002 ** event.deltaY, view.layout.timeAt(event.offsetX, view.time));
  } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
    view.time.pan((sideways / view.layout.barWidth) * view.time.length);
  } else return;
  event.preventDefault();
  view.repaint();
}

/** Click selects, the twisty opens and closes, a drag moves in time. */
function connectRows(view) {
  const { rows, frame } = view.parts;
  let drag = null;
  rows.addEventListener("pointerdown", (event) => {
    if (event.button === 0) drag = { x: event.offsetX, low: view.time.low, moved: false };
  });
  rows.addEventListener("pointermove", (event) => {
    if (drag && Math.abs(event.offsetX - drag.x) > DRAG && !drag.moved) {
      drag.moved = true;
      rows.setPointerCapture(event.pointerId);
    }
    if (drag?.moved) {
      const low = drag.low - ((event.offsetX - drag.x) / view.layout.barWidth) * view.time.length;
      view.time.show(low, low + view.time.length);
      view.hover(-1);
      view.repaint();
      return;
    }
    const box = frame.getBoundingClientRect();
    view.hover(view.rowAt(event.offsetY), event.clientX - box.left, event.clientY - box.top);
  });
  rows.addEventListener("pointerup", (event) => {
    const row = view.rowAt(event.offsetY);
    const clicked = drag && !drag.moved && row >= 0;
    drag = null;
    if (!clicked) return;
    const twisty = labelLeft(view, row) + 4;
    if (Math.abs(event.offsetX - twisty) < 10 && view.tree.hasChildren(row)) {
      view.active = row;
      view.collapse(row, !view.tree.collapsed[row]);
    } else view.select(row);
  });
  const stop = () => {
    drag = null;
    view.hover(-1);
  };
  rows.addEventListener("pointercancel", stop);
  rows.addEventListener("pointerleave", () => view.hover(-1));
  rows.addEventListener("dblclick", (event) => {
    const row = view.rowAt(event.offsetY);
    if (row >= 0 && view.layout.isBar(event.offsetX)) view.zoomTo(row);
  });
}

/** A drag over the strip chooses the part that is in view; a double click shows all. */
function connectStrip(view) {
  const { head } = view.parts;
  let from = null;
  const at = (x) => {
    const whole = { low: view.time.wholeLow, high: view.time.wholeHigh };
    return view.layout.timeAt(x, whole);
  };
  head.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    from = event.offsetX;
    head.setPointerCapture(event.pointerId);
  });
  head.addEventListener("pointermove", (event) => {
    if (from === null || Math.abs(event.offsetX - from) <= DRAG) return;
    const [low, high] = [at(from), at(event.offsetX)].sort((a, b) => a - b);
    view.time.show(low, high);
    view.repaint();
  });
  for (const end of ["pointerup", "pointercancel"]) head.addEventListener(end, () => (from = null));
  head.addEventListener("dblclick", () => {
    view.time.fit();
    view.repaint();
  });
}
