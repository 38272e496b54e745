import { internal } from "../../errors/crib-error.ts";
import type { Fd } from "../../ids/process.ts";
import type { Kernel } from "../../kernel/port.ts";
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
  "socket" | "socketIn" | "bindNetlink" | "send" | "sendAside" | "receive" | "close"
>;

/** The kernel answers before `send` returns; only a dump of thousands of objects is made piecemeal. */
const replyTimeoutMs = 2000;
/** The kernel packs dumps into datagrams of at most 32 KiB. */
const replyBytes = 64 * 1024;

/** One reply buffer serves every socket: calls are synchronous, what is kept of a reply is copied out. */
const replyBuffer = new Uint8Array(replyBytes);

/**
 * A request-reply netlink socket. Replies belong to requests by sequence number; a stale one is skipped.
 *
 * Messages handed to `onReply` are views into a shared buffer, valid until the callback returns.
 */
export class NetlinkSocket implements Disposable {
  readonly #kernel: NetlinkKernel;
  readonly #fd: Fd;
  #sequence = 1;
  #closed = false;

  private constructor(kernel: NetlinkKernel, fd: Fd) {
    this.#kernel = kernel;
    this.#fd = fd;
  }

  /** In the namespace behind `netns`, or in this process's own. */
  static open(kernel: NetlinkKernel, protocol: NetlinkProtocolName, netns?: Fd): NetlinkSocket {
    const number = NetlinkProtocol[protocol];
    const fd =
      netns === undefined
        ? kernel.socket(AF_NETLINK, SOCK_RAW, number)
        : kernel.socketIn(netns, AF_NETLINK, SOCK_RAW, number);
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
  transact(what: string, write: (builder: MessageBuilder) => void, onReply?: (message: NetlinkMessage) => void): void {
    const builder = new MessageBuilder(this.#sequence);
    const first = this.#sequence;
    write(builder);
    builder.addFlagsToLast(NLM_F_ACK);
    const last = builder.lastSequence;
    this.#sequence = last + 1;
    this.#send(builder);
    let failure: NetlinkError | undefined;
    this.#receiveUntil(first, last, (message) => {
      if (message.type !== NLMSG_ERROR) {
        onReply?.(message);
        return false;
      }
      const { errno, explanation } = parseAcknowledgement(message);
      if (errno !== 0) failure ??= new NetlinkError(errno, what, explanation);
      return message.sequence === last;
    });
    if (failure !== undefined) throw failure;
  }

  /**
   * An nftables transaction: all messages between a batch's begin and end, or none.
   *
   * The kernel reports every message's failure under its own number, and one of the whole batch (no nftables, no
   * privilege, a commit that failed) under the first message's.
   */
  transactBatch(what: string, write: (builder: MessageBuilder) => { readonly lastOperation: number }): void {
    const builder = new MessageBuilder(this.#sequence);
    const first = this.#sequence;
    const { lastOperation } = write(builder);
    this.#sequence = builder.lastSequence + 1;
    this.#send(builder);
    let failure: NetlinkError | undefined;
    this.#receiveUntil(first, builder.lastSequence, (message) => {
      if (message.type !== NLMSG_ERROR) return false;
      const { errno, explanation } = parseAcknowledgement(message);
      if (errno !== 0) failure ??= new NetlinkError(errno, what, explanation);
      return message.sequence === lastOperation || message.sequence === first;
    });
    if (failure !== undefined) throw failure;
  }

  /** Sends one dump request and hands every object of the answer to `onReply`. @throws {NetlinkError} */
  dump(what: string, write: (builder: MessageBuilder) => void, onReply: (message: NetlinkMessage) => void): void {
    const builder = new MessageBuilder(this.#sequence);
    write(builder);
    builder.addFlagsToLast(NLM_F_DUMP);
    const sequence = builder.lastSequence;
    this.#sequence = sequence + 1;
    this.#send(builder);
    this.#receiveUntil(sequence, sequence, (message) => {
      if (message.type === NLMSG_DONE) return true;
      if (message.type !== NLMSG_ERROR) {
        onReply(message);
        return false;
      }
      const { errno, explanation } = parseAcknowledgement(message);
      throw new NetlinkError(errno, what, explanation);
    });
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

  #send(builder: MessageBuilder): void {
    // The number may be another descriptor's by now.
    if (this.#closed) throw internal("netlink socket is closed");
    this.#kernel.send(this.#fd, builder.finish());
  }

  #receiveUntil(first: number, last: number, done: (message: NetlinkMessage) => boolean): void {
    for (;;) {
      const length = this.#kernel.receive(this.#fd, replyBuffer, replyTimeoutMs);
      for (const message of parseMessages(replyBuffer.subarray(0, length))) {
        if (message.sequence < first || message.sequence > last) continue;
        if (done(message)) return;
      }
    }
  }
}
