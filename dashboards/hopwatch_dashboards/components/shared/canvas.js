/** A canvas as sharp as the screen. */

/** @param {HTMLCanvasElement} canvas */
export function context(canvas) {
  const found = canvas.getContext("2d", { alpha: false });
  found.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  return found;
}

/** @param {HTMLCanvasElement} canvas */
export function fitCanvas(canvas, width, height) {
  const wide = Math.round(width * devicePixelRatio);
  const high = Math.round(height * devicePixelRatio);
  if (canvas.width !== wide) canvas.width = wide;
  if (canvas.height !== high) canvas.height = high;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
}
