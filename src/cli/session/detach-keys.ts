/** Ctrl-P, then Ctrl-Q: what docker's users have in their fingers. */
const ctrlP = 0x10;
const ctrlQ = 0x11;

/** Finds the detach keys in typed input; a Ctrl-P that is followed by something else is passed on with it. */
export class DetachKeys {
  #heldCtrlP = false;

  /** What to send, and whether the user asked to leave. */
  filter(bytes: Uint8Array): { readonly pass: Uint8Array; readonly detach: boolean } {
    const pass: number[] = [];
    for (const byte of bytes) {
      if (this.#heldCtrlP && byte === ctrlQ) return { pass: Uint8Array.from(pass), detach: true };
      if (this.#heldCtrlP) pass.push(ctrlP);
      this.#heldCtrlP = byte === ctrlP;
      if (!this.#heldCtrlP) pass.push(byte);
    }
    return { pass: Uint8Array.from(pass), detach: false };
  }
}
