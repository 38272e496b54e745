/**
 * Makes text from elsewhere safe on a terminal: control characters (escape sequences among them) and bidirectional
 * overrides come out as `\x1b`-style escapes. Labels, image names and error texts are chosen by others.
 */
export function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const code = character.charCodeAt(0);
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
}
