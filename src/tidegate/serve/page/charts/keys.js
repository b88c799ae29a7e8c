// Arrow keys that move through a grid.

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** [rows, columns] that an arrow key moves by, undefined for another key. The page does not scroll by an arrow key. */
export function arrowStep(event) {
  const step = STEPS[event.key];
  if (step) event.preventDefault();
  return step;
}
