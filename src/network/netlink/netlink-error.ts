import { ErrnoError } from "../../errors/errno-error.ts";
import { aligned, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLMSG_HEADER_BYTES, NLMSGERR_ATTR_MSG } from "./constants.ts";
import { type NetlinkMessage, parseAttributes, readI32, readString, readU32 } from "./parse-messages.ts";

/** A request the kernel refused; `explanation` is its extended acknowledgement, "" where it gave none. */
export class NetlinkError extends ErrnoError {
  readonly explanation: string;

  constructor(errno: number, what: string, explanation: string) {
    super(errno, what);
    this.explanation = explanation;
    if (explanation !== "") this.message += `: ${explanation}`;
  }
}

/** What an NLMSG_ERROR says; errno 0 is an acknowledgement. */
export function parseAcknowledgement(message: NetlinkMessage): {
  readonly errno: number;
  readonly explanation: string;
} {
  const errno = -readI32(message.body);
  if ((message.flags & NLM_F_ACK_TLVS) === 0) return { errno, explanation: "" };
  const echoed = (message.flags & NLM_F_CAPPED) === 0 ? readU32(message.body, 4) : NLMSG_HEADER_BYTES;
  const text = parseAttributes(message.body, 4 + aligned(echoed)).get(NLMSGERR_ATTR_MSG);
  return { errno, explanation: text === undefined ? "" : readString(text) };
}
