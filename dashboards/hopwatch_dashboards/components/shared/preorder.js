/**
 * Who is above whom, of rows that stand each before those below it.
 *
 * @param {Int32Array} depth
 * @returns {{parent: Int32Array, end: Int32Array}} the row above (-1: none), and the first row
 *   after all that is below
 */
export function connect(depth) {
  const rows = depth.length;
  const parent = new Int32Array(rows).fill(-1);
  const end = new Int32Array(rows).fill(rows);
  const open = []; // the path to the row before
  for (let row = 0; row < rows; row++) {
    while (open.length > depth[row]) end[open.pop()] = row;
    if (open.length) parent[row] = open[open.length - 1];
    open.push(row);
  }
  return { parent, end };
}
