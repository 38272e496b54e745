import { internal } from "../../errors/crib-error.ts";
import type { Fd } from "../../ids/process.ts";
import type { Kernel, NetlinkExchange } from "../../kernel/port.ts";
import {
  AF_NETLINK,
  NetlinkProtocol,
  type NetlinkProtocolName,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLMSG_DONE,
  NLMSG_ERROR,
  SOCK_RAW,
} from "./constants.ts";
import { MessageBuilder } from "./message-builder.ts";
import { NetlinkError, parseAcknowledgement } from "./netlink-error.ts";
import { type NetlinkMessage, parseMessages } from "./parse-messages.ts";

export type NetlinkKernel = Pick<
  Kernel,
  "socket" | "netlinkAside" | "bindNetlink" | "sendAside" | "exchangeAside" | "close"
>;

/** The kernel answers before its send returns; only a dump of thousands of objects is made piecemeal. */
const replyTimeoutMs = 2000;

/**
 * A request-reply netlink socket. Replies belong to requests by sequence number; a stale one is skipped.
 *
 * Requests wait for locks that the whole machine shares, so they are made beside the event loop; those of one socket one after
 * the other, in the order they were asked for.
 */
export class NetlinkSocket implements Disposable {
  readonly #kernel: NetlinkKernel;
  readonly #fd: Fd;
  #sequence = 1;
  #closed = false;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(kernel: NetlinkKernel, fd: Fd) {
    this.#kernel = kernel;
    this.#fd = fd;
  }

  /** In the namespace behind `netns`. */
  static async openIn(kernel: NetlinkKernel, protocol: NetlinkProtocolName, netns: Fd): Promise<NetlinkSocket> {
    return new NetlinkSocket(kernel, await kernel.netlinkAside(netns, NetlinkProtocol[protocol]));
  }

  /** In this process's own namespace. */
  static open(kernel: NetlinkKernel, protocol: NetlinkProtocolName): NetlinkSocket {
    const fd = kernel.socket(AF_NETLINK, SOCK_RAW, NetlinkProtocol[protocol]);
    try {
      kernel.bindNetlink(fd, 0);
    } catch (error) {
      kernel.close(fd);
      throw error;
    }
    return new NetlinkSocket(kernel, fd);
  }

  /**
   * Sends the messages `write` begins as one datagram and waits until the last one is acknowledged.
   *
   * The kernel handles every message in order, also after one failed, and reports failures before the last
   * acknowledgement; so only the last message asks for one. The first failure is thrown.
   *
   * @param what names the operation in the error.
   * @throws {NetlinkError}
   */
  async transact(
    what: string,
    write: (builder: MessageBuilder) => void,
    onReply?: (message: NetlinkMessage) => void,
  ): Promise<void> {
    const builder = new MessageBuilder(this.#sequence);
    const first = this.#sequence;
    write(builder);
    builder.addFlagsToLast(NLM_F_ACK);
    const last = builder.lastSequence;
    this.#sequence = last + 1;
    let failure: NetlinkError | undefined;
    for (const message of await this.#exchange(what, builder, { first, last, other: last })) {
      if (message.type !== NLMSG_ERROR) {
        onReply?.(message);
        continue;
      }
      const { errno, explanation } = parseAcknowledgement(message);
      if (errno !== 0) failure ??= new NetlinkError(errno, what, explanation);
    }
    if (failure !== undefined) throw failure;
  }

  /**
   * An nftables transaction: all messages between a batch's begin and end, or none.
   *
   * The kernel reports every message's failure under its own number, and one of the whole batch (no nftables, no
   * privilege, a commit that failed) under the first message's.
   */
  async transactBatch(
    what: string,
    write: (builder: MessageBuilder) => { readonly lastOperation: number },
  ): Promise<void> {
    const builder = new MessageBuilder(this.#sequence);
    const first = this.#sequence;
    const { lastOperation } = write(builder);
    this.#sequence = builder.lastSequence + 1;
    let failure: NetlinkError | undefined;
    for (const message of await this.#exchange(what, builder, { first, last: lastOperation, other: first })) {
      if (message.type !== NLMSG_ERROR) continue;
      const { errno, explanation } = parseAcknowledgement(message);
      if (errno !== 0) failure ??= new NetlinkError(errno, what, explanation);
    }
    if (failure !== undefined) throw failure;
  }

  /** Sends one dump request and hands every object of the answer to `onReply`. @throws {NetlinkError} */
  async dump(
    what: string,
    write: (builder: MessageBuilder) => void,
    onReply: (message: NetlinkMessage) => void,
  ): Promise<void> {
    const builder = new MessageBuilder(this.#sequence);
    write(builder);
    builder.addFlagsToLast(NLM_F_DUMP);
    const sequence = builder.lastSequence;
    this.#sequence = sequence + 1;
    for (const message of await this.#exchange(what, builder, { first: sequence, last: sequence, other: sequence })) {
      if (message.type === NLMSG_DONE) return;
      if (message.type !== NLMSG_ERROR) {
        onReply(message);
        continue;
      }
      const { errno, explanation } = parseAcknowledgement(message);
      throw new NetlinkError(errno, what, explanation);
    }
  }

  /** Hands a request to the kernel on another thread; the answer is not read, so this socket is for nothing else. */
  sendAside(datagram: Uint8Array): void {
    this.#kernel.sendAside(this.#fd, datagram);
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#kernel.close(this.#fd);
  }

  async #exchange(what: string, builder: MessageBuilder, numbers: Numbers): Promise<readonly NetlinkMessage[]> {
    // The builder's buffer may be another message's when the turn comes.
    const datagram = builder.finish().slice();
    const turn = this.#last.then(() => {
      // The number may be another descriptor's by now.
      if (this.#closed) throw internal("netlink socket is closed");
      return this.#kernel.exchangeAside(this.#fd, { datagram, ...numbers, timeoutMs: replyTimeoutMs }, what);
    });
    this.#last = turn.catch(() => undefined);
    const messages = [...parseMessages(await turn)];
    return messages.filter(({ sequence }) => sequence >= numbers.first && sequence <= numbers.last);
  }
}

/** Of the messages of a request: the answers belong to these, and the ones of `last` and `other` end it. */
type Numbers = Pick<NetlinkExchange, "first" | "last" | "other">;
