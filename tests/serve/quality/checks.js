// What the tests of the page's quality ask of a document: boxes that cut off what they hold, and what the keyboard misses.

window.pageChecks = (() => {
  const NATIVE = "a[href], button, select, input, textarea, summary";
  const POINTER = new Set(["click", "pointerdown", "mousedown"]);
  const clickable = new Set();
  const listen = EventTarget.prototype.addEventListener;
  EventTarget.prototype.addEventListener = function (type, ...rest) {
    if (POINTER.has(type) && this instanceof Element) clickable.add(this);
    return listen.call(this, type, ...rest);
  };

  const isSeen = (element) => element.isConnected && element.checkVisibility({ visibilityProperty: true });
  const boxes = (root) => [...root.querySelectorAll("*")].filter(isSeen);

  function name(element) {
    const classes = [...element.classList].map((it) => `.${it}`).join("");
    const parent = element.parentElement?.className ? `.${[...element.parentElement.classList].join(".")} > ` : "";
    const text = element.textContent.trim().slice(0, 30);
    return `${parent}${element.localName}${classes} "${text}"`;
  }

  /** Elements that hide a part of what they hold, and those that reach beyond the page, with how many px. */
  function cut() {
    const faults = [];
    const { clientWidth: width, scrollWidth } = document.documentElement;
    const beyond = (element) => element.getBoundingClientRect().right > width + 1 && !element.closest(".scrolled");
    if (scrollWidth > width) {
      const reach = boxes(document.body).filter(beyond).slice(0, 5).map(name);
      faults.push(`the page is ${scrollWidth} px wide: ${reach.join("; ")}`);
    }
    for (const element of boxes(document.body)) {
      const style = getComputedStyle(element);
      const hidden = element.scrollWidth - element.clientWidth;
      if (style.overflowX === "visible" || hidden <= 1 || element.clientWidth < 2) continue;
      const scrolls = style.overflowX === "auto" || style.overflowX === "scroll";
      // A box may scroll if its edge shows it and the keyboard can do it; a line may end in an ellipsis with the whole in its title.
      const hinted = element.classList.contains("more-after") || element.classList.contains("more-before");
      const reachable = element.tabIndex >= 0 || element.querySelector(`${NATIVE}, [tabindex]`);
      if (scrolls && hinted && reachable) continue;
      if (style.textOverflow === "ellipsis" && element.closest("[title]")) continue;
      faults.push(`${name(element)} hides ${hidden} px`);
    }
    return faults;
  }

  const isFocusable = (element) => element.matches(NATIVE) || element.tabIndex >= 0;
  const controls = () => boxes(document.body).filter((it) => it.tabIndex >= 0 && isFocusable(it) && !it.disabled);

  // Under the pointer a chart shows numbers that "Copy" and "CSV" below it have too.
  const isReadOtherwise = (it) => it.matches("svg[role=img]") && it.closest("figure")?.querySelector(".save button");

  /** What can be clicked and not focused. */
  function unreachable() {
    return [...clickable]
      .filter((it) => !isReadOtherwise(it))
      .filter((it) => isSeen(it) && document.body !== it)
      .filter((it) => !isFocusable(it) && !it.querySelector(`${NATIVE}, [tabindex]`) && !it.closest(`${NATIVE}, [tabindex="0"]`))
      .map(name);
  }

  /** Controls that look the same with the keyboard's focus as without. */
  function unmarked() {
    const look = (element) => {
      const { outlineStyle, outlineWidth, outlineColor, boxShadow, borderColor } = getComputedStyle(element);
      return outlineStyle === "none" ? `${boxShadow} ${borderColor}` : `${outlineStyle} ${outlineWidth} ${outlineColor}`;
    };
    const before = document.activeElement;
    const found = controls().filter((element) => {
      document.activeElement.blur();
      const at = look(element);
      element.focus({ focusVisible: true, preventScroll: true });
      return document.activeElement !== element || look(element) === at;
    });
    before.focus?.();
    return found.map(name);
  }

  return { cut, controls, unreachable, unmarked, name };
})();
