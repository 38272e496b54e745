/**
 * Bytes as a string that survives JSON: valid UTF-8 is itself, any other byte is a lone surrogate U+DC80…U+DCFF
 * (the scheme of Python's PEP 383). `JSON.stringify` writes lone surrogates as `\udcXX`, so documents stay ASCII-safe.
 *
 * The CRI's `KeyValue.value` is bytes: an environment value may hold anything but NUL.
 */
export function bytesToString(bytes: Uint8Array): string {
  const text = strictDecode(bytes);
  if (text !== undefined) return text;
  let out = "";
  let position = 0;
  while (position < bytes.length) {
    const length = sequenceLength(bytes, position);
    if (length === 0) {
      out += String.fromCharCode(0xdc00 + (bytes[position] ?? 0));
      position += 1;
    } else {
      out += strictDecode(bytes.subarray(position, position + length)) ?? "";
      position += length;
    }
  }
  return out;
}

/** Inverse of `bytesToString`. A surrogate outside U+DC80…U+DCFF, which no decoder makes, becomes U+FFFD. */
export function stringToBytes(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  const parts: Uint8Array[] = [];
  for (const character of text) {
    const code = character.charCodeAt(0);
    const escaped = character.length === 1 && code >= 0xdc80 && code <= 0xdcff;
    parts.push(escaped ? Uint8Array.of(code - 0xdc00) : encoder.encode(character));
  }
  return new Uint8Array(Buffer.concat(parts));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function strictDecode(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
}

/** Length of the well-formed UTF-8 sequence at `position`, 0 when there is none. */
function sequenceLength(bytes: Uint8Array, position: number): number {
  for (let length = 1; length <= 4 && position + length <= bytes.length; length++) {
    if (strictDecode(bytes.subarray(position, position + length)) !== undefined) return length;
  }
  return 0;
}
