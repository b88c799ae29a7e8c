// Boxes that scroll sideways: their edges fade where there is more, and the keyboard reaches them while there is.

const FOCUSABLE = "a[href], button, select, input, textarea, summary, [tabindex]";

/** Watch all elements of class "scrolled" in the document, those too that come later. */
export function watchScrollEdges() {
  const boxes = document.getElementsByClassName("scrolled");
  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) mark(target.closest(".scrolled"));
  });
  // To observe an element twice is the same as once, and one that leaves the document is forgotten.
  const observe = () => {
    for (const box of boxes) for (const it of [box, ...box.children]) sizes.observe(it);
  };
  new MutationObserver(observe).observe(document.body, { childList: true, subtree: true });
  document.addEventListener("scroll", ({ target }) => target.classList?.contains("scrolled") && mark(target), true);
  observe();
}

function mark(box) {
  if (!box) return;
  const more = box.scrollWidth - box.clientWidth;
  box.classList.toggle("more-before", box.scrollLeft > 1);
  box.classList.toggle("more-after", box.scrollLeft < more - 1);
  if (more <= 1 || box.querySelector(FOCUSABLE)) box.removeAttribute("tabindex");
  else box.tabIndex = 0;
}
