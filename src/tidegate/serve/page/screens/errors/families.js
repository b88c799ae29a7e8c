// Families of helpers: those of one kind, such as memories of several lengths, have one colour.

export const ALL = "all";

const TITLES = {
  "n-gram": "N-grams",
  memory: "Recent words",
  rare: "Rare words",
  word: "Starts of words",
  frequent: "Frequent words",
  punctuation: "Punctuation",
  line: "Ends of lines",
  unknown: "Unknown words",
  boost: "Nearly right",
  left: "Unexplained",
};

/** What a family is called. */
export function titleOf(family) {
  return TITLES[family] ?? family;
}

/** [{family, title, removed}, ...] in the order in which helpers are tried; those that remove nothing are left out. */
export function familiesOf(classes) {
  const removed = new Map();
  for (const it of classes) removed.set(it.family, (removed.get(it.family) ?? 0) + it.removed);
  return [...removed]
    .filter(([, count]) => count)
    .map(([family, count]) => ({ family, title: titleOf(family), removed: count }));
}
