/** What is said of a call: in the tooltip, to a screen reader. All by textContent. */

import { exactNs, formatNs } from "../shared/durations.js";
import { KINDS } from "../shared/legend.js";
import { textElement } from "../shared/text.js";
import { frameOf } from "./model.js";

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
  const above = model.parent[row];
  const language = ["-", "unknown"].includes(frame.language) ? "" : ` (${frame.language})`;
  const ofCaller = above >= 0 ? `, ${percent(model.ns[row], model.ns[above])} of its caller` : "";
  const isGap = frame.kind === "gap";
  const lines = [
    `${isGap ? frame.operation : frame.hop}${language}: ${KINDS[frame.kind]}`,
    `${formatNs(model.ns[row])} of a request (${exactNs(model.ns[row])})`,
    `${percent(model.ns[row], model.total)} of the request${ofCaller}`,
    `of that its own: ${formatNs(model.own[row])} (${exactNs(model.own[row])})`,
    `${calls(model.calls[row])} a request`,
  ];
  const title = isGap ? frame.hop : frame.operation || frame.hop;
  tip.replaceChildren(textElement("b", title), ...lines.map((line) => textElement("span", line)));
}

/**
 * Makes a tree item of the call that the keyboard is at.
 *
 * @param {HTMLElement} item
 * @param {import("./view.js").FlameView} view
 */
export function tell(item, { model, active, selected }) {
  const { hop, operation } = frameOf(model, active);
  item.textContent =
    `${operation || hop}, ${hop}, ${formatNs(model.ns[active])}, ` +
    `${percent(model.ns[active], model.total)}, own ${formatNs(model.own[active])}`;
  item.setAttribute("aria-level", String(model.depth[active] + 1));
  item.setAttribute("aria-selected", String(active === selected));
  if (model.end[active] > active + 1) item.setAttribute("aria-expanded", "true");
  else item.removeAttribute("aria-expanded");
}

function calls(number) {
  const shown = number.toLocaleString("en", { maximumFractionDigits: 2 });
  return `${number && shown === "0" ? "fewer than 0.01" : shown} ${number === 1 ? "call" : "calls"}`;
}
