// The screens by name: each is `async show(root)`, which fills an element and returns what stops it.

import { show as cells } from "./cells.js";
import { show as cut } from "./cut.js";
import { show as errors } from "./errors.js";
import { show as gates } from "./gates.js";
import { show as highlights } from "./highlights.js";
import { show as match } from "./match.js";
import { show as memory } from "./memory.js";
import { show as outcomes } from "./outcomes.js";
import { show as read } from "./read.js";
import { show as reasons } from "./reasons.js";
import { show as steps } from "./steps.js";
import { show as training } from "./training.js";
import { show as units } from "./units.js";
import { show as why } from "./why.js";
import { show as write } from "./write.js";

export const SCREENS = {
  highlights,
  read,
  cells,
  gates,
  memory,
  cut,
  why,
  errors,
  match,
  steps,
  outcomes,
  units,
  reasons,
  training,
  write,
};
