/** Text on a canvas, and in the page as nothing but text. */

/**
 * Draws at most `room` pixels of `text`; returns how many it took.
 *
 * @returns {number}
 */
export function drawText(context, text, x, y, room) {
  const shown = fitted(context, text, room);
  if (!shown) return 0;
  context.fillText(shown, x, y);
  return context.measureText(shown).width;
}

/** The longest beginning of `text` that fits, with an ellipsis where something is left out. */
function fitted(context, text, room) {
  if (room < 12) return "";
  if (context.measureText(text).width <= room) return text;
  const characters = [...text];
  let low = 0;
  let high = characters.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const width = context.measureText(`${characters.slice(0, middle).join("")}…`).width;
    if (width <= room) low = middle;
    else high = middle - 1;
  }
  return low ? `${characters.slice(0, low).join("")}…` : "";
}

/** `Orders/PlaceOrder` for `hopwatch.shop.v1.Orders/PlaceOrder`: what sets it apart is last. */
export function shortRpc(name) {
  return name.replace(/^[\w.]*\.(\w+\/\w+)$/, "$1");
}

/** @param {string} name of the element @param {string} text */
export function textElement(name, text) {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}
