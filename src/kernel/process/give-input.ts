import { hasErrno } from "../../errors/has-errno.ts";

/**
 * Writes all of a child's input and ends it. A child that leaves without reading is no error: its exit code speaks.
 *
 * Through a pipe, because Bun 1.4.5 keeps the memfd it makes of bytes given to `stdin` until the garbage collector comes
 * by: a descriptor for each plugin that ever ran.
 */
export async function giveInput(stdin: Bun.FileSink, input: Uint8Array): Promise<void> {
  try {
    await stdin.write(input);
    await stdin.end();
  } catch (error) {
    if (!hasErrno(error, "EPIPE")) throw error;
  }
}
