/** What is said of a call: in the tooltip, to a screen reader. All by textContent. */

import { exactNs, formatNs, signedNs } from "../shared/durations.js";
import { KINDS } from "../shared/legend.js";
import { textElement } from "../shared/text.js";
import { frameOf, union } from "./model.js";

/** @param {number} part @param {number} whole */
export function percent(part, whole) {
  const share = whole ? (100 * part) / whole : 0;
  return `${share.toFixed(share >= 10 ? 0 : share >= 1 ? 1 : 2)}%`;
}

/**
 * Fills the tooltip.
 *
 * @param {HTMLElement} tip
 * @param {import("./model.js").Model} model
 * @param {number} row
 */
export function describe(tip, model, row) {
  const frame = frameOf(model, row);
  const language = ["-", "unknown"].includes(frame.language) ? "" : ` (${frame.language})`;
  const isGap = frame.kind === "gap";
  const lines = [
    `${isGap ? frame.operation : frame.hop}${language}: ${KINDS[frame.kind]}`,
    ...(model.change ? ofBoth(model, row) : ofOne(model, row)),
  ];
  const title = isGap ? frame.hop : frame.operation || frame.hop;
  tip.replaceChildren(textElement("b", title), ...lines.map((line) => textElement("span", line)));
}

function ofOne(model, row) {
  const above = model.parent[row];
  const ofCaller = above >= 0 ? `, ${percent(model.ns[row], model.ns[above])} of its caller` : "";
  return [
    `${formatNs(model.ns[row])} of a request (${exactNs(model.ns[row])})`,
    `${percent(model.ns[row], model.total)} of the request${ofCaller}`,
    `of that its own: ${formatNs(model.own[row])} (${exactNs(model.own[row])})`,
    `${calls(model.calls[row])} a request`,
  ];
}

function ofBoth(model, row) {
  const { nsBefore, nsAfter, ownBefore, ownAfter, callsBefore, callsAfter } = model;
  const change = nsAfter[row] - nsBefore[row];
  return [
    `before ${formatNs(nsBefore[row])} of a request, after ${formatNs(nsAfter[row])}`,
    `${signedNs(change)} (${signedNs(change, exactNs)})`,
    `its own: ${formatNs(ownBefore[row])}, ${formatNs(ownAfter[row])}`,
    `${signedNs(model.change[row])} (${signedNs(model.change[row], exactNs)})`,
    `${calls(callsBefore[row])} a request, after ${calls(callsAfter[row])}`,
  ];
}

/**
 * How long what was found takes, without what is below it again.
 *
 * @param {import("./model.js").Model} model
 * @param {number[]} found rows
 */
export function told(model, found) {
  const ns = union(model, found);
  const time = model.change
    ? `${formatNs(union(model, found, model.nsBefore), 3)} before, ` +
      `${formatNs(union(model, found, model.nsAfter), 3)} after`
    : `${formatNs(ns, 3)}, ${percent(ns, model.total)}`;
  return `${found.length} found: ${time}`;
}

/**
 * Makes a tree item of the call that the keyboard is at.
 *
 * @param {HTMLElement} item
 * @param {import("./view.js").FlameView} view
 */
export function tell(item, { model, active, selected }) {
  const { hop, operation } = frameOf(model, active);
  const time = model.change
    ? `before ${formatNs(model.nsBefore[active])}, after ${formatNs(model.nsAfter[active])}, ` +
      `own ${signedNs(model.change[active])}`
    : `${formatNs(model.ns[active])}, ${percent(model.ns[active], model.total)}, ` +
      `own ${formatNs(model.own[active])}`;
  item.textContent = `${operation || hop}, ${hop}, ${time}`;
  item.setAttribute("aria-level", String(model.depth[active] + 1));
  item.setAttribute("aria-selected", String(active === selected));
  if (model.end[active] > active + 1) item.setAttribute("aria-expanded", "true");
  else item.removeAttribute("aria-expanded");
}

function calls(number) {
  const shown = number.toLocaleString("en", { maximumFractionDigits: 2 });
  return `${number && shown === "0" ? "fewer than 0.01" : shown} ${number === 1 ? "call" : "calls"}`;
}
