#!/usr/bin/env bash
# Observable Plot 0.6.17 with d3-scale 4.0.2 (Node.js, jsdom 26.1.0).
#
# A log axis that is given its ticks and a function as tickFormat writes some of the labels and leaves others empty,
# though the function names every tick: Plot asks d3's log scale which ticks it would label, and keeps the function's text
# only there. The gridlines of the others stay. The same function given as text, or on a linear axis, labels all.
#
# The good guess that is wrong: a function given as tickFormat is applied to each of the ticks that are given.
#
# Seen:
#   log, tickFormat: 0.02 0.1 0.2 1 2
#   log, text: 0.02 0.05 0.1 0.2 0.5 1 2
#   linear, tickFormat: 0.02 0.05 0.1 0.2 0.5 1 2
set -eu
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT; cd "$dir"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund @observablehq/plot@0.6.17 d3-scale@4.0.2 jsdom@26.1.0
cat > show.mjs <<'JS'
import * as Plot from "@observablehq/plot";
import { JSDOM } from "jsdom";

const { document } = new JSDOM("").window;
const ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2];

function labels(type, options) {
  const axis = Plot.axisY(ticks, { label: null, ...options });
  const drawn = Plot.plot({ document, height: 400, y: { type, domain: [0.02, 6] }, marks: [axis] });
  return [...drawn.querySelectorAll("text")].map((it) => it.textContent).filter(Boolean).join(" ");
}

console.log("log, tickFormat:", labels("log", { tickFormat: String }));
console.log("log, text:", labels("log", { text: String }));
console.log("linear, tickFormat:", labels("linear", { tickFormat: String }));
JS
node show.mjs > seen.txt
cat seen.txt
cat > expected.txt <<'TEXT'
log, tickFormat: 0.02 0.1 0.2 1 2
log, text: 0.02 0.05 0.1 0.2 0.5 1 2
linear, tickFormat: 0.02 0.05 0.1 0.2 0.5 1 2
TEXT
diff expected.txt seen.txt
