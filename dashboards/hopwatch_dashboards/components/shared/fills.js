/** What a cell of the ledger is filled with. */

import { withAlpha } from "./theme.js";

/** Solid; for a gap between services, hatched. */
export function fillOf(context, cell) {
  return cell.kind === "gap" ? hatching(context, cell.colour) : cell.colour;
}

const hatchings = new Map();

function hatching(context, colour) {
  if (!hatchings.has(colour)) {
    const tile = new OffscreenCanvas(6, 6);
    const pen = tile.getContext("2d");
    pen.fillStyle = withAlpha(colour, 0.3);
    pen.fillRect(0, 0, 6, 6);
    pen.strokeStyle = colour;
    pen.lineWidth = 1.8;
    for (const offset of [-6, 0, 6]) {
      pen.moveTo(offset, 6);
      pen.lineTo(offset + 6, 0);
    }
    pen.stroke();
    hatchings.set(colour, context.createPattern(tile, "repeat"));
  }
  return hatchings.get(colour);
}
