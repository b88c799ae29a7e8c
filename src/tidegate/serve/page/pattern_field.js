// A field for a regular expression: shared by the screens that search for a property of one's own.

import { inAddress } from "./address_settings.js";
import { el } from "./dom.js";

/** The field, whose value the address holds; Enter calls `onEnter`. */
export function patternField(onEnter) {
  const field = el("input", {
    type: "text",
    placeholder: "a regular expression",
    "aria-label": "A regular expression",
    on: {
      keydown(event) {
        if (event.key === "Enter") onEnter();
      },
    },
  });
  return inAddress("pattern", field);
}
