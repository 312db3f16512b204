/**
 * Colours and fonts from Streamlit's theme, so that the canvas looks like the page.
 *
 * @typedef {object} Theme
 * @property {string} text
 * @property {string} muted
 * @property {string} faint lines and guides
 * @property {string} background
 * @property {string} raised what lies on the background
 * @property {string} primary
 * @property {string} error
 * @property {string} match what a search found
 * @property {string} font
 * @property {boolean} dark
 */

/**
 * @param {Element} element where the theme's CSS variables hold
 * @returns {Theme}
 */
export function readTheme(element) {
  const style = getComputedStyle(element);
  const of = (name, otherwise) => style.getPropertyValue(`--st-${name}`).trim() || otherwise;
  const background = of("background-color", "#ffffff");
  const dark = luminance(background) < 0.4;
  const text = of("text-color", dark ? "#fafafa" : "#31333f");
  return {
    text,
    muted: withAlpha(text, 0.72),
    faint: withAlpha(text, 0.14),
    background,
    raised: of("secondary-background-color", dark ? "#262730" : "#f0f2f6"),
    primary: of("primary-color", "#ff4b4b"),
    error: dark ? "#ff7b72" : "#c0272d",
    match: dark ? "#8a6d00" : "#ffe58a",
    font: of("font", "sans-serif"),
    dark,
  };
}

/** @param {string} colour `#rgb`, `#rrggbb` or `rgb(...)` @param {number} alpha */
export function withAlpha(colour, alpha) {
  const [red, green, blue] = channels(colour);
  return `rgba(${red}, ${green}, ${blue}, ${alpha})`;
}

/** @param {string} colour */
function luminance(colour) {
  const [red, green, blue] = channels(colour);
  return (0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255;
}

/** @param {string} colour */
function channels(colour) {
  if (colour.startsWith("#")) {
    const hex = colour.slice(1);
    const wide = hex.length < 6 ? [...hex].map((c) => c + c).join("") : hex;
    return [0, 2, 4].map((at) => Number.parseInt(wide.slice(at, at + 2), 16));
  }
  return (colour.match(/[\d.]+/g) ?? ["0", "0", "0"]).slice(0, 3).map(Number);
}
