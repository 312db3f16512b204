/**
 * Mouse, touch and keyboard.
 *
 * @typedef {import("./view.js").FlameView} View
 */

/** @param {View} view */
export function connectTools(view) {
  const { search, out, fit } = view.parts;
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
  out.addEventListener("click", () => zoomOut(view));
  fit.addEventListener("click", () => view.select(-1));
}

/** @param {View} view */
export function connectKeys(view) {
  const { scroller } = view.parts;
  scroller.addEventListener("keydown", (event) => {
    const action = KEYS[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action(view);
  });
  for (const change of ["focus", "blur"]) scroller.addEventListener(change, () => view.repaint());
}

/** @param {View} view */
function zoomOut(view) {
  view.select(view.zoomed < 0 ? -1 : view.model.parent[view.zoomed]);
}

/** @param {View} view */
function toCaller(view) {
  const above = view.model.parent[view.active];
  if (above >= 0) view.goTo(above);
}

/** @param {View} view */
function toCall(view) {
  if (view.model.end[view.active] > view.active + 1) view.goTo(view.active + 1);
}

/** To the call beside, of whatever caller. @param {View} view @param {1 | -1} direction */
function beside(view, direction) {
  const { depth, rows } = view.model;
  for (let row = view.active + direction; row >= 0 && row < rows; row += direction) {
    if (depth[row] === depth[view.active]) {
      view.goTo(row);
      return;
    }
  }
}

/** @type {Record<string, (view: View) => void>} */
const KEYS = {
  ArrowDown: toCall,
  ArrowUp: toCaller,
  ArrowLeft: (view) => beside(view, -1),
  ArrowRight: (view) => beside(view, 1),
  Home: (view) => view.goTo(0),
  Enter: (view) => view.select(view.active),
  " ": (view) => view.select(view.active),
  Backspace: zoomOut,
  Escape: (view) => view.select(-1),
  0: (view) => view.select(-1),
  n: (view) => view.nextMatch(1),
  N: (view) => view.nextMatch(-1),
  "/": (view) => view.parts.search.focus(),
};

/** @param {View} view */
export function connectPointer(view) {
  const { bars, frame } = view.parts;
  bars.addEventListener("pointermove", (event) => {
    const box = frame.getBoundingClientRect();
    const row = view.rowAt(event.offsetX, event.offsetY);
    view.hover(row, event.clientX - box.left, event.clientY - box.top);
  });
  for (const end of ["pointerleave", "pointercancel"]) {
    bars.addEventListener(end, () => view.hover(-1));
  }
  bars.addEventListener("click", (event) => {
    const row = view.rowAt(event.offsetX, event.offsetY);
    if (row >= 0) view.select(row);
  });
}
