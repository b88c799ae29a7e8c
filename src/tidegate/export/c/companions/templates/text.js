
/** The texts of the tokens$form. */
export const tokens = $tokens;
/** The token that is read where there is no text. */
export const START = $start;
$numbers
/** Return the tokens of a text.$reading */
export function encode(text) {
$encode
}

/** Return a function from one token after another to text, that goes on after the text given. */
export function decoder(after = "") {
$decode
}
