/**
 * Drawing. Only rows in view are drawn; text goes through fillText, so none of it is markup.
 *
 * @typedef {import("./model.js").Model} Model
 * @typedef {import("../shared/theme.js").Theme} Theme
 * @typedef {import("./layout.js").Layout} Layout
 * @typedef {object} Scene
 * @property {Model} model
 * @property {import("./tree.js").Tree} tree
 * @property {import("./time.js").TimeWindow} time
 * @property {Theme} theme
 * @property {Layout} layout
 * @property {boolean} aligned
 * @property {number} active row that the keyboard is at
 * @property {number} selected -1: none
 * @property {number} hovered -1: none
 * @property {Set<number>} matches
 * @property {boolean} focused
 */

import { formatNs } from "../shared/durations.js";
import { fillOf } from "../shared/fills.js";
import { drawText, shortRpc } from "../shared/text.js";
import { withAlpha } from "../shared/theme.js";
import { Flag, extent } from "./model.js";
import { formatTick } from "./time.js";

const INDENT = 12;
const BAR = 8;
const SEGMENT = 14;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {number} scrolled pixels
 * @param {number} height
 */
export function paintRows(context, scene, scrolled, height) {
  const { layout, theme, tree } = scene;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, layout.width, height);
  context.textBaseline = "middle";
  const first = Math.floor(scrolled / layout.rowHeight);
  const last = Math.min(tree.visible.length, Math.ceil((scrolled + height) / layout.rowHeight));
  for (let place = first; place < last; place++) {
    paintRow(context, scene, tree.visible[place], place * layout.rowHeight - scrolled);
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {number} row
 * @param {number} top
 */
function paintRow(context, scene, row, top) {
  const { layout } = scene;
  paintBackground(context, scene, row, top);
  const middle = top + (layout.narrow ? 13 : layout.rowHeight / 2);
  paintLabel(context, scene, row, middle);
  const bar = top + (layout.narrow ? 28 : layout.rowHeight / 2);
  context.save();
  context.beginPath();
  context.rect(layout.barLeft - 2, top, layout.barWidth + 4, layout.rowHeight);
  context.clip();
  paintBar(context, scene, row, bar);
  context.restore();
  paintOwn(context, scene, row, middle);
}

function paintBackground(context, scene, row, top) {
  const { layout, theme } = scene;
  const fill = (colour) => {
    context.fillStyle = colour;
    context.fillRect(0, top, layout.width, layout.rowHeight);
  };
  if (scene.matches.has(row)) fill(theme.match);
  if (row === scene.selected) fill(withAlpha(theme.primary, 0.22));
  else if (row === scene.hovered) fill(withAlpha(theme.text, 0.06));
  if (row === scene.active && scene.focused) {
    context.strokeStyle = theme.primary;
    context.lineWidth = 2;
    context.strokeRect(1, top + 1, layout.width - 2, layout.rowHeight - 2);
  }
}

/** Twisty, service where it begins, name. */
function paintLabel(context, scene, row, middle) {
  const { model, tree, theme, layout } = scene;
  const flags = model.flags[row];
  const hop = model.hops[model.hop[row]];
  const x = labelLeft(scene, row);
  paintGuides(context, scene, row, middle, x);
  if (tree.hasChildren(row)) paintTwisty(context, theme, x + 4, middle, tree.collapsed[row]);
  let at = x + 14;
  const end = layout.labelWidth - 6;
  const bright = flags & Flag.ON_PATH;
  if (flags & Flag.REMOTE) {
    context.fillStyle = hop.colour;
    context.fillRect(at, middle - 5, 10, 10);
    context.fillStyle = theme.text;
    context.font = `600 13px ${theme.font}`;
    at += 15 + drawText(context, hop.name, at + 15, middle, (end - at) * 0.55) + 7;
  }
  if (flags & Flag.ERROR) {
    context.font = `700 13px ${theme.font}`;
    context.fillStyle = theme.error;
    at += drawText(context, "✕", at, middle, 12) + 4;
  }
  const note = noteOf(model, row);
  context.font = `13px ${theme.font}`;
  context.fillStyle = flags & Flag.ERROR ? theme.error : bright ? theme.text : theme.muted;
  const name = note + model.texts[model.name[row]];
  const fits = context.measureText(name).width <= end - at;
  drawText(context, fits ? name : shortRpc(name), at, middle, end - at);
}

/** What must be known of a row before its name. */
export function noteOf(model, row) {
  const flags = model.flags[row];
  if (flags & Flag.FRAGMENT) return "(parent missing) ";
  if (flags & Flag.LATE) return "(after the end) ";
  if (flags & Flag.DETACHED) return "(asynchronous) ";
  return "";
}

/** Where a row's label begins. Deep trees get narrower steps, so that names keep their room. */
export function labelLeft({ model, layout }, row) {
  const room = Math.max(40, layout.labelWidth * 0.4);
  return 6 + Math.min(model.depth[row] * INDENT, room);
}

function paintGuides(context, { model, theme, layout }, row, middle, x) {
  if (!model.depth[row]) return;
  context.fillStyle = theme.faint;
  context.fillRect(x - INDENT + 4, middle - 12, 1, Math.min(24, layout.rowHeight));
}

function paintTwisty(context, theme, x, middle, collapsed) {
  context.fillStyle = theme.muted;
  context.beginPath();
  if (collapsed) {
    context.moveTo(x - 2, middle - 5);
    context.lineTo(x + 4, middle);
    context.lineTo(x - 2, middle + 5);
  } else {
    context.moveTo(x - 5, middle - 3);
    context.lineTo(x + 5, middle - 3);
    context.lineTo(x, middle + 4);
  }
  context.fill();
}

/** The span's extent, pale; its time on the critical path, full. */
function paintBar(context, scene, row, middle) {
  const { model, theme, layout, aligned, time } = scene;
  const [start, end] = extent(model, row, aligned);
  const left = layout.x(start, time);
  const right = Math.max(left + 1.5, layout.x(end, time));
  if (right < layout.barLeft || left > layout.barLeft + layout.barWidth) {
    paintElsewhere(context, theme, layout, middle, right < layout.barLeft);
    return;
  }
  const onPath = model.flags[row] & Flag.ON_PATH;
  const pale = (onPath ? 0.34 : 0.26) + (theme.dark ? 0.16 : 0);
  context.fillStyle = withAlpha(model.hops[model.hop[row]].colour, pale);
  const drawn = layout.clip(left, right);
  context.beginPath();
  context.roundRect(drawn[0], middle - BAR / 2, drawn[1] - drawn[0], BAR, 2);
  context.fill();
  paintSegments(context, scene, row, middle);
  paintMarks(context, scene, row, middle);
  if (!layout.narrow) paintDuration(context, scene, row, middle, drawn);
}

function paintSegments(context, scene, row, middle) {
  const { model, layout, aligned, time } = scene;
  const cell = model.cells[model.cell[row]];
  const shift = aligned ? 0 : model.shift[row];
  context.fillStyle = fillOf(context, cell);
  for (let i = model.segments[row]; i < model.segments[row + 1]; i++) {
    const left = layout.x(model.segment_start[i] + shift, time);
    const right = layout.x(model.segment_end[i] + shift, time);
    if (right < layout.barLeft || left > layout.barLeft + layout.barWidth) continue;
    const drawn = layout.clip(left, Math.max(right, left + 1));
    context.fillRect(drawn[0], middle - SEGMENT / 2, drawn[1] - drawn[0], SEGMENT);
  }
}

/** Events and log lines: a diamond each. */
function paintMarks(context, scene, row, middle) {
  const { model, theme, layout, aligned, time } = scene;
  const shift = aligned ? model.shift[row] : 0;
  for (let i = model.marks[row]; i < model.marks[row + 1]; i++) {
    const x = layout.x(model.mark_at[i] - shift, time);
    if (x < layout.barLeft || x > layout.barLeft + layout.barWidth) continue;
    context.beginPath();
    context.moveTo(x - 4, middle);
    context.lineTo(x, middle - 4);
    context.lineTo(x + 4, middle);
    context.lineTo(x, middle + 4);
    context.closePath();
    context.fillStyle = model.mark_bad[i] ? theme.error : theme.background;
    context.strokeStyle = model.mark_bad[i] ? theme.background : theme.text;
    context.lineWidth = 1;
    context.fill();
    context.stroke();
  }
}

function paintDuration(context, scene, row, middle, [left, right]) {
  const { model, theme, layout } = scene;
  const text = formatNs(model.duration[row], 3);
  context.font = `12px ${theme.font}`;
  context.fillStyle = theme.muted;
  const width = context.measureText(text).width;
  if (right + 5 + width <= layout.barLeft + layout.barWidth) context.fillText(text, right + 5, middle);
  else if (left - 5 - width >= layout.barLeft) context.fillText(text, left - 5 - width, middle);
  else {
    // Over the bar: on a plate, so that it can be read on any colour.
    const at = layout.barLeft + layout.barWidth - width - 6;
    context.fillStyle = withAlpha(theme.background, 0.85);
    context.fillRect(at - 3, middle - 8, width + 6, 16);
    context.fillStyle = theme.text;
    context.fillText(text, at, middle);
  }
}

function paintElsewhere(context, theme, layout, middle, before) {
  context.font = `13px ${theme.font}`;
  context.fillStyle = theme.muted;
  const x = before ? layout.barLeft : layout.barLeft + layout.barWidth - 8;
  context.fillText(before ? "‹" : "›", x, middle);
}

/** Wide: own time in its column. Narrow: the span's duration, beside the name. */
function paintOwn(context, { model, theme, layout }, row, middle) {
  const ns = layout.narrow ? model.duration[row] : model.own[row];
  if (!ns) return;
  const text = formatNs(ns, 3);
  context.font = `${layout.narrow ? "" : "600 "}12px ${theme.font}`;
  context.fillStyle = layout.narrow ? theme.muted : theme.text;
  context.fillText(text, layout.width - 8 - context.measureText(text).width, middle);
}

/**
 * The critical path of the whole trace as one strip, and below it the time in view.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 * @param {number} height
 */
export function paintHead(context, scene, height) {
  const { layout, theme } = scene;
  context.fillStyle = theme.background;
  context.fillRect(0, 0, layout.width, height);
  context.textBaseline = "middle";
  paintStrip(context, scene);
  paintRuler(context, scene, layout.stripHeight, height);
}

function paintStrip(context, scene) {
  const { model, layout, theme, time, aligned } = scene;
  const whole = { low: time.wholeLow, high: time.wholeHigh };
  const bottom = layout.stripHeight - 4;
  context.fillStyle = theme.raised;
  context.fillRect(layout.barLeft, 2, layout.barWidth, bottom - 2);
  for (let row = 0; row < model.rows; row++) {
    const first = model.segments[row];
    const last = model.segments[row + 1];
    if (first === last) continue;
    const shift = aligned ? 0 : model.shift[row];
    context.fillStyle = fillOf(context, model.cells[model.cell[row]]);
    for (let i = first; i < last; i++) {
      const left = layout.x(model.segment_start[i] + shift, whole);
      const right = layout.x(model.segment_end[i] + shift, whole);
      context.fillRect(left, 4, Math.max(right - left, 0.5), bottom - 6);
    }
  }
  if (!time.isWhole) {
    const left = layout.x(time.low, whole);
    const right = Math.max(left + 2, layout.x(time.high, whole));
    context.fillStyle = withAlpha(theme.background, 0.7);
    context.fillRect(layout.barLeft, 2, left - layout.barLeft, bottom - 2);
    context.fillRect(right, 2, layout.barLeft + layout.barWidth - right, bottom - 2);
    context.strokeStyle = theme.text;
    context.lineWidth = 1;
    context.strokeRect(left + 0.5, 2.5, right - left - 1, bottom - 3);
  }
  if (layout.narrow) return;
  context.fillStyle = theme.muted;
  context.font = `12px ${theme.font}`;
  context.fillText("Critical path", 8, layout.stripHeight / 2);
}

function paintRuler(context, scene, top, height) {
  const { layout, theme, time } = scene;
  const middle = (top + height) / 2;
  context.font = `12px ${theme.font}`;
  context.fillStyle = theme.muted;
  const shown = layout.ticks(time);
  const step = shown[1] - shown[0];
  for (const at of shown) {
    const x = layout.x(at, time);
    context.fillStyle = theme.faint;
    context.fillRect(x, top + 2, 1, height - top);
    const text = formatTick(at, step);
    if (x + 4 + context.measureText(text).width > layout.barLeft + layout.barWidth) continue;
    context.fillStyle = theme.muted;
    context.fillText(text, x + 4, middle);
  }
  context.fillStyle = theme.faint;
  context.fillRect(0, height - 1, layout.width, 1);
  if (layout.narrow) return;
  context.fillStyle = theme.muted;
  context.fillText(`${scene.tree.visible.length} of ${scene.model.rows} spans`, 8, middle);
  const own = "own";
  context.fillText(own, layout.width - 8 - context.measureText(own).width, middle);
}
