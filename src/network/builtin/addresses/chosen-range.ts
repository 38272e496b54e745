import { readFileSync } from "node:fs";
import { failedPrecondition } from "../../../errors/crib-error.ts";
import { hasErrno } from "../../../errors/has-errno.ts";
import type { HostPath } from "../../../ids/path.ts";
import { replaceFile } from "../../../kernel/replace-file.ts";
import type { Log } from "../../../observe/log.ts";
import type { NetlinkSocket } from "../../netlink/netlink-socket.ts";
import { clashWith, findFreeRange } from "./free-range.ts";
import { rangeOf, type Subnet } from "./subnet.ts";
import { bridgeRange, takenRanges } from "./taken-ranges.ts";

/**
 * The pods' range where the configuration names none: free on this node when it is chosen, and kept in a file, so that a restart or a
 * reboot changes no address that a firewall or a person knows.
 *
 * It is chosen again only when something else of the node has come to use it. Pods that live keep their addresses then.
 */
export class ChosenRange {
  readonly #file: HostPath;
  readonly #bridge: string;
  readonly #log: Log;

  constructor(options: { readonly file: HostPath; readonly bridge: string; readonly log: Log }) {
    this.#file = options.file;
    this.#bridge = options.bridge;
    this.#log = options.log;
  }

  /** @throws {CribError} failed-precondition when every candidate is taken. */
  async current(socket: NetlinkSocket): Promise<readonly Subnet[]> {
    const taken = await takenRanges(socket, this.#bridge);
    const kept = this.#read();
    // A daemon that kept no file may have made the bridge that is there: its pods' neighbours get the same range.
    const before = kept ?? (await bridgeRange(socket, this.#bridge));
    const clash = before === undefined ? undefined : clashWith(before, taken);
    if (before !== undefined && clash === undefined) {
      if (kept === undefined) this.#write(before);
      return [before];
    }
    const range = findFreeRange(taken);
    if (range === undefined) {
      throw failedPrecondition(
        "no range for pods is free on this node: its interfaces and routes cover every one that is tried; set network.subnet",
      );
    }
    this.#write(range);
    if (before === undefined) this.#log.info({ subnet: range.text }, "a range for pods was chosen");
    else {
      this.#log.warn(
        { subnet: range.text, before: before.text, taken: clash?.what },
        "the range for pods is used by others now; new pods get another",
      );
    }
    return [range];
  }

  #read(): Subnet | undefined {
    try {
      const record: unknown = JSON.parse(readFileSync(this.#file, "utf8"));
      const text = typeof record === "object" && record !== null && "subnet" in record ? record.subnet : undefined;
      return typeof text === "string" ? rangeOf(text) : undefined;
    } catch (error) {
      const absent = hasErrno(error, "ENOENT");
      if (!absent) this.#log.warn({ err: error, file: this.#file }, "the chosen range cannot be read; choosing again");
      return undefined;
    }
  }

  #write(range: Subnet): void {
    try {
      replaceFile(this.#file, `${JSON.stringify({ version: 1, subnet: range.text })}\n`, 0o644);
    } catch (error) {
      // A directory that cannot be written costs the next start's memory of it, not this pod.
      this.#log.warn(
        { err: error, file: this.#file },
        "the chosen range cannot be kept; the next start may choose another",
      );
    }
  }
}
