/** What is said of a span: in the tooltip, to a screen reader. All by textContent. */

import { exactNs, formatNs } from "../shared/durations.js";
import { KINDS } from "../shared/legend.js";
import { textElement } from "../shared/text.js";
import { Flag, extent } from "./model.js";
import { noteOf } from "./paint.js";

/**
 * Fills the tooltip.
 *
 * @param {HTMLElement} tip
 * @param {import("./view.js").WaterfallView} view
 * @param {number} row
 */
export function describe(tip, { model, aligned }, row) {
  const hop = model.hops[model.hop[row]];
  const cell = model.cells[model.cell[row]];
  const [start] = extent(model, row, aligned);
  const language = hop.language === "unknown" ? "" : ` (${hop.language})`;
  const both = (ns) => `${formatNs(ns)} (${exactNs(ns)})`;
  const lines = [
    `${hop.name}${language}`,
    `took ${both(model.duration[row])}`,
    `from ${formatNs(start)} after the request began`,
    model.own[row]
      ? `${both(model.own[row])} on the critical path: ${cell.hop}, ${KINDS[cell.kind]}`
      : `nothing on the critical path; ${formatNs(model.local[row])} of its own`,
  ];
  if (model.shift[row]) {
    const moved = formatNs(-model.shift[row]);
    lines.push(aligned ? `moved by ${moved} to align the clocks` : `its clock is off by ${formatNs(model.shift[row])}`);
  }
  const marks = model.marks[row + 1] - model.marks[row];
  if (marks) lines.push(`${marks} ${marks === 1 ? "event or log line" : "events and log lines"}`);
  if (model.flags[row] & Flag.ERROR) lines.push("failed");
  const oddities = model.texts[model.oddities[row]];
  if (oddities) lines.push(`odd: ${oddities}`);
  const title = document.createElement("b");
  title.textContent = noteOf(model, row) + model.texts[model.name[row]];
  tip.replaceChildren(title, ...lines.map((line) => textElement("span", line)));
}

/**
 * Makes a tree item of the row that the keyboard is at.
 *
 * @param {HTMLElement} item
 * @param {import("./view.js").WaterfallView} view
 */
export function tell(item, { model, tree, active, selected }) {
  const hop = model.hops[model.hop[active]];
  const own = model.own[active] ? `, ${formatNs(model.own[active])} on the critical path` : "";
  const failed = model.flags[active] & Flag.ERROR ? ", failed" : "";
  item.textContent =
    `${noteOf(model, active)}${model.texts[model.name[active]]}, ${hop.name}, ` +
    `${formatNs(model.duration[active])}${own}${failed}`;
  item.setAttribute("aria-level", String(model.depth[active] + 1));
  item.setAttribute("aria-selected", String(active === selected));
  item.setAttribute("aria-posinset", String(tree.placeOf(active) + 1));
  item.setAttribute("aria-setsize", String(tree.visible.length));
  if (tree.hasChildren(active)) {
    item.setAttribute("aria-expanded", String(!tree.collapsed[active]));
  } else item.removeAttribute("aria-expanded");
}
