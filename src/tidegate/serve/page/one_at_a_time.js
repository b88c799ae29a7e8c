// Questions that come faster than they are answered: one at a time, and of those that come meanwhile the last.

/** `ask(...given)` calls `load(...given)` at once or after the one that is under way; `stop()` forgets what waits. */
export function oneAtATime(load) {
  let waiting = null;
  let busy = false;
  let stopped = false;

  async function ask(...given) {
    waiting = given;
    if (busy) return;
    busy = true;
    try {
      while (waiting && !stopped) {
        const now = waiting;
        waiting = null;
        await load(...now);
      }
    } finally {
      busy = false;
    }
  }

  return {
    ask,
    /** Whether nothing newer waits: the answer is to be shown. */
    get isLatest() {
      return !waiting && !stopped;
    },
    stop() {
      stopped = true;
    },
  };
}
