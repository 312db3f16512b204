/**
 * What Python sends (views/waterfall.py): a header in JSON and columns of numbers.
 *
 * @typedef {{name: string, language: string, colour: string}} Hop
 * @typedef {{hop: string, language: string, kind: string, colour: string}} Cell
 * @typedef {object} Model
 * @property {number} rows
 * @property {number | null} selected row that is open at first
 * @property {boolean} pathOnly whether only the critical path is shown at first
 * @property {string[]} texts
 * @property {Hop[]} hops
 * @property {Cell[]} cells
 * @property {Int32Array} depth
 * @property {Int32Array} name index into texts
 * @property {Int32Array} hop index into hops
 * @property {Int32Array} cell index into cells
 * @property {Int32Array} oddities index into texts
 * @property {Int32Array} flags
 * @property {Float64Array} start ns, clock of the span's own process
 * @property {Float64Array} shift ns, that clock minus the root's
 * @property {Float64Array} duration ns
 * @property {Float64Array} own ns on the critical path
 * @property {Float64Array} local ns of its own over its full extent
 * @property {Int32Array} segments bounds: row i has [segments[i], segments[i + 1])
 * @property {Float64Array} segment_start ns, the root's clock
 * @property {Float64Array} segment_end
 * @property {Int32Array} marks bounds, as of segments: events and log lines
 * @property {Float64Array} mark_at ns, clock of the span's own process
 * @property {Int32Array} mark_bad 1: an error
 */

import { unpack } from "../shared/columns.js";

export const Flag = { ON_PATH: 1, ERROR: 2, REMOTE: 4, LATE: 8, FRAGMENT: 16, DETACHED: 32 };

/**
 * @param {Uint8Array} bytes
 * @returns {Model}
 */
export function decode(bytes) {
  const { path_only: pathOnly, ...rest } = unpack(bytes);
  return { pathOnly, ...rest };
}

/**
 * Where a row's bar lies: [start, end] in ns.
 *
 * @param {Model} model
 * @param {number} row
 * @param {boolean} aligned
 * @returns {[number, number]}
 */
export function extent(model, row, aligned) {
  const start = model.start[row] - (aligned ? model.shift[row] : 0);
  return [start, start + model.duration[row]];
}

/**
 * The time that a picture of all rows must show; at least 1 µs.
 *
 * @param {Model} model
 * @param {boolean} aligned
 * @returns {[number, number]}
 */
export function wholeExtent(model, aligned) {
  let low = Infinity;
  let high = -Infinity;
  for (let row = 0; row < model.rows; row++) {
    const [start, end] = extent(model, row, aligned);
    if (start < low) low = start;
    if (end > high) high = end;
  }
  return [low, Math.max(high, low + 1000)];
}
