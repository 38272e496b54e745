import { CribError } from "../errors/crib-error.ts";

/**
 * A call that the peer did not answer: in time, because its connection went, or because what it sent is not the protocol.
 * An error that the peer itself returned is another CribError.
 */
export class UnansweredCall extends CribError {
  readonly why: "timeout" | "gone" | "protocol";

  constructor(why: UnansweredCall["why"], message: string, cause?: unknown) {
    super(why === "timeout" ? "deadline-exceeded" : "unavailable", message, { cause });
    this.why = why;
  }
}
