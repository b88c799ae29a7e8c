// The questions that the server has not answered yet: how far each is, and how it is given up.

const CANCELLED = new DOMException("Cancelled.", "AbortError");
const LEFT = new DOMException("The screen was left.", "AbortError");
const open = new Set();
let listener = () => {};

/**
 * Begin a question. `signal` is aborted when it is given up, `tell` says how far it is ({what, share}, or null), `close`
 * is called when it is answered or given up. A `quiet` one is waited for only while it says how far it is.
 */
export function openQuestion({ quiet = false } = {}) {
  const controller = new AbortController();
  const question = {
    since: performance.now(),
    progress: null,
    signal: controller.signal,
    get isWaitedFor() {
      return !quiet || question.progress !== null;
    },
    get isCancelled() {
      return controller.signal.reason === CANCELLED;
    },
    get isLeft() {
      return controller.signal.reason === LEFT;
    },
    tell(progress) {
      if (progress === question.progress) return;
      question.progress = progress;
      listener(open);
    },
    cancel: () => controller.abort(CANCELLED),
    leave: () => controller.abort(LEFT),
    close() {
      open.delete(question);
      listener(open);
    },
  };
  open.add(question);
  listener(open);
  return question;
}

/** Give up all questions: the screen that asked them is left. */
export function leaveQuestions() {
  for (const question of open) question.leave();
}

/** Call a function with the set of open questions whenever it changes. */
export function watchQuestions(onChange) {
  listener = onChange;
}
