// Pictures: the frames and images that a model read, enlarged point by point.

import { inAddress } from "../address_settings.js";
import { el, labelled, replaceChildren } from "../dom.js";
import { clamp, unpack } from "../numbers.js";

/** Packed pictures (T, height, width[, channels]); `at(n)` has the numbers of one. */
export function unpackPictures(packed) {
  const { shape, values } = unpack(packed);
  const [count, height, width, channels = 1] = shape;
  const size = height * width * channels;
  return { count, height, width, channels, values, at: (n) => values.subarray(n * size, (n + 1) * size) };
}

/** A canvas of a picture of points from 0 to 1, of one channel or of red, green and blue. */
export function picture(values, height, width, channels, label) {
  const canvas = el("canvas", { class: "picture", width, height, role: "img", "aria-label": label, title: label });
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let n = 0; n < width * height && n * channels < values.length; n++) {
    const channel = (k) => 255 * values[n * channels + (channels >= 3 ? k : 0)];
    image.data.set([channel(0), channel(1), channel(2), 255], 4 * n);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** A row of numbers as a picture whose width is not known: it can be chosen. */
export function rowAsPicture(values, label) {
  const place = el("div", { class: "image" });
  const most = values.length;
  const value = String(Math.floor(Math.sqrt(most)));
  const props = { type: "number", min: "1", max: String(most), value, on: { input: draw } };
  const input = inAddress("width", el("input", props));
  function draw() {
    const width = clamp(Math.round(Number(input.value)) || 1, 1, most);
    replaceChildren(place, picture(values, Math.ceil(most / width), width, 1, label));
  }
  draw();
  return el(
    "div",
    {},
    place,
    el("div", { class: "controls" }, labelled(`Width of the picture of ${most} numbers`, input)),
  );
}

/**
 * Frames in a row; of more than `most`, every second, third ... `aligned`: as wide as a heat map of the same steps
 * below it. Frames of one line are turned upright.
 */
export function filmstrip(root, frames, { below = null, onPick = null, aligned = false, most = 60 } = {}) {
  const { count, height, width, channels } = frames;
  const isLine = height === 1;
  const step = Math.max(1, Math.ceil(count / most));
  const strip = el("div", { class: aligned ? "filmstrip aligned" : "filmstrip" });
  const [least, widest] = columnWidth({ aligned, isLine, labelled: below !== null });
  const columns = `repeat(${Math.ceil(count / step)}, minmax(${least}, ${widest}))`;
  strip.style.setProperty("grid-template-columns", columns);
  strip.classList.toggle("upright", isLine);
  for (let n = 0; n < count; n += step) {
    const name = `frame ${n}`;
    const canvas = picture(frames.at(n), isLine ? width : height, isLine ? 1 : width, channels, name);
    const shown = onPick ? el("button", { "aria-label": name, on: { click: () => onPick(n) } }, canvas) : canvas;
    strip.append(el("div", { class: "frame" }, shown, below?.(n)));
  }
  root.append(el("div", { class: "scrolled" }, strip));
}

function columnWidth({ aligned, isLine, labelled }) {
  if (aligned) return ["0", "1fr"];
  if (labelled) return ["38px", "72px"];
  return isLine ? ["4px", "24px"] : ["24px", "72px"];
}

/** Frames of one line each, one below the other: the picture that they are the lines of. */
export function sheet({ count, width, channels, values }) {
  const label = "The frames, one below the other";
  const canvas = picture(values, count, width, channels, label);
  return el("figure", { class: "sheet" }, canvas, el("figcaption", {}, label));
}
