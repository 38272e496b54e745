/**
 * Characters that are invisible and that terminals obey: C0 and C1 controls (U+009B begins an escape sequence in one character),
 * and those that turn the direction of text (CVE-2021-42574). Line feeds and tabs are layout.
 */
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * `text` with such characters as `\u009b`-style escapes: images, registries, clients and workloads choose what is quoted
 * in messages, logs and listings. JSON stays the same JSON, of which JSON.stringify escapes only what is below U+0020.
 */
export function visible(text: string): string {
  return text.replace(unseen, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
