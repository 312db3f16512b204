/**
 * Drawing. Only bars in view that can be seen are drawn; text goes through fillText, so none of
 * it is markup.
 *
 * @typedef {import("./view.js").FlameView} Scene
 */

import { fillOf } from "../shared/fills.js";
import { drawText, shortRpc } from "../shared/text.js";
import { withAlpha } from "../shared/theme.js";
import { shadeOf } from "./difference.js";
import { frameOf, labels } from "./model.js";

export const ROW = 25;
const THINNEST = 0.7; // pixels; below, bars are one grey line
const LABELLED = 26;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {number} scrolled pixels
 * @param {number} height
 */
export function paintBars(context, scene, scrolled, height) {
  const { model, theme, width } = scene;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width, height);
  context.textBaseline = "middle";
  const drawn = []; // right end of what is drawn at each depth
  for (let row = 0; row < model.rows; ) {
    const [left, right] = scene.extent(row);
    const depth = model.depth[row];
    if (right <= 0 || left >= width || depth * ROW > scrolled + height) {
      row = model.end[row];
    } else if (right - left < THINNEST) {
      if (right > (drawn[depth] ?? -1)) {
        context.fillStyle = theme.faint;
        context.fillRect(left, depth * ROW - scrolled, 1, ROW - 1);
        drawn[depth] = left + 1;
      }
      row = model.end[row];
    } else {
      if ((depth + 1) * ROW > scrolled) paintBar(context, scene, row, left, right, scrolled);
      row += 1;
    }
  }
  if (scene.focused) paintActive(context, scene, scrolled);
}

function paintBar(context, scene, row, left, right, scrolled) {
  const { model, theme, width } = scene;
  const x = Math.max(0, left);
  const wide = Math.max(0.5, Math.min(width, right) - x - 1);
  const top = model.depth[row] * ROW - scrolled;
  const frame = frameOf(model, row);
  const dimmed = scene.searching && !scene.matches.has(row);
  context.globalAlpha = dimmed ? 0.22 : left < -0.5 || right > width + 0.5 ? 0.7 : 1;
  const pale = frame.kind === "gap" ? 0.25 : theme.dark ? 0.5 : 0.42;
  context.fillStyle = model.change
    ? shadeOf(model, row, theme.faint)
    : withAlpha(frame.colour, pale);
  context.fillRect(x, top, wide, ROW - 1);
  context.fillStyle = fillOf(context, frame);
  context.fillRect(x, top, Math.min(3, wide), ROW - 1);
  if (frame.kind === "gap") context.fillRect(x, top + ROW - 5, wide, 4);
  if (row === scene.selected || row === scene.hovered) {
    context.strokeStyle = row === scene.selected ? theme.primary : theme.text;
    context.lineWidth = 1.5;
    context.strokeRect(x + 0.75, top + 0.75, wide - 1.5, ROW - 2.5);
  }
  if (dimmed) context.globalAlpha = 0.6; // a name can still be read
  if (wide > LABELLED) paintLabel(context, scene, row, x + 8, top + (ROW - 1) / 2, wide - 12);
  context.globalAlpha = 1;
}

function paintLabel(context, scene, row, x, middle, room) {
  const [hop, operation] = labels(scene.model, row);
  const { theme } = scene;
  let at = 0;
  context.fillStyle = theme.text;
  if (hop) {
    context.font = `600 12.5px ${theme.font}`;
    at = drawText(context, hop, x, middle, operation ? Math.min(room, Math.max(room * 0.6, 60)) : room) + 7;
  }
  context.font = `12.5px ${theme.font}`;
  const fits = context.measureText(operation).width <= room - at;
  drawText(context, fits ? operation : shortRpc(operation), x + at, middle, room - at);
}

function paintActive(context, scene, scrolled) {
  const [left, right] = scene.extent(scene.active);
  const top = scene.model.depth[scene.active] * ROW - scrolled;
  const x = Math.max(0, left);
  context.strokeStyle = scene.theme.primary;
  context.lineWidth = 2;
  context.strokeRect(x + 1, top + 1, Math.max(2, Math.min(scene.width, right) - x - 3), ROW - 3);
}
