// Pictures: what a model read of frames and images, enlarged point by point.

import { unpack } from "../ask.js";
import { el, fill, labelled } from "../dom.js";

/** Packed pictures (T, height, width[, channels]) as functions that draw one. */
export function unpackPictures(packed) {
  const { shape, values } = unpack(packed),
    [count, height, width] = shape,
    channels = shape[3] ?? 1;
  const size = height * width * channels;
  return { count, height, width, channels, at: (n) => values.subarray(n * size, (n + 1) * size), values };
}

/** A canvas of a picture of points from 0 to 1, of one channel or of red, green and blue. */
export function picture(values, height, width, channels, label) {
  const canvas = el("canvas", { class: "picture", width, height, role: "img", "aria-label": label, title: label });
  const context = canvas.getContext("2d"),
    image = context.createImageData(width, height);
  for (let n = 0; n < width * height; n++) {
    const point = (k) => 255 * values[n * channels + (channels >= 3 ? k : 0)];
    if (n * channels < values.length) image.data.set([point(0), point(1), point(2), 255], 4 * n);
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** Numbers of which nobody told that they are a picture: broken into lines of as many points as are chosen. */
export function broken(values) {
  const place = el("div", { class: "image" });
  const input = el("input", {
    type: "number",
    min: "1",
    max: String(values.length),
    value: String(Math.floor(Math.sqrt(values.length))),
    on: { input: draw },
  });
  function draw() {
    const wide = Math.max(1, Math.min(values.length, Math.round(Number(input.value)) || 1));
    fill(place, picture(values, Math.ceil(values.length / wide), wide, 1, "what was captioned"));
  }
  draw();
  return el(
    "div",
    {},
    place,
    el("div", { class: "controls" }, labelled(`Its ${values.length} numbers, so many in a line`, input)),
  );
}

/**
 * Frames in a row, of more than `most` every second, third ...; `aligned`: as wide as a heat map of as many steps below
 * it. Frames of one line stand upright.
 */
export function filmstrip(root, frames, { below = null, onPick = null, aligned = false, most = 60 } = {}) {
  const { count, height, width, channels } = frames,
    line = height === 1,
    step = Math.max(1, Math.ceil(count / most));
  const strip = el("div", { class: aligned ? "filmstrip aligned" : "filmstrip" });
  const widest = aligned ? "1fr" : below || !line ? "72px" : "24px",
    least = aligned ? "0" : below ? "38px" : line ? "4px" : "24px";
  strip.style.setProperty("grid-template-columns", `repeat(${Math.ceil(count / step)}, minmax(${least}, ${widest}))`);
  strip.classList.toggle("upright", line);
  for (let n = 0; n < count; n += step) {
    const drawn = picture(frames.at(n), line ? width : height, line ? 1 : width, channels, `frame ${n}`);
    const shown = onPick ? el("button", { "aria-label": `frame ${n}`, on: { click: () => onPick(n) } }, drawn) : drawn;
    strip.append(el("div", { class: "frame" }, shown, below?.(n) ?? null));
  }
  const box = el("div", { class: "scrolled" }, strip);
  root.append(box);
  return strip;
}

/** Frames of one line each, one below the other: the picture that they are the lines of. */
export function sheet(frames) {
  const { count, width, channels, values } = frames;
  const drawn = picture(values, count, width, channels, "the frames, one below the other");
  return fill(el("figure", { class: "sheet" }), drawn, el("figcaption", {}, "The frames, one below the other"));
}
