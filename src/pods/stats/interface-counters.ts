import { closeSync, openSync, readSync, statSync } from "node:fs";
import type { HostPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import type { InterfaceStats } from "../../network/port.ts";

/** Whoever may make links can make any number; about a thousand are read, which the kernel lists in the order they were made. */
const mostBytes = 128 << 10;

/**
 * Counters of a network namespace as a process inside sees them (proc_pid_net(5)). Asked over netlink the kernel would take a lock
 * that every change of any link on the node holds, and the event loop would wait for that, pod by pod.
 *
 * @param pid of the pod's monitor. @returns undefined when that process is not in the namespace: its number may be another's by now.
 */
export function readInterfaceCounters(pid: Pid, netns: HostPath): readonly InterfaceStats[] | undefined {
  const inside = statSync(`/proc/${pid}/ns/net`);
  const pinned = statSync(netns);
  if (inside.ino !== pinned.ino || inside.dev !== pinned.dev) return undefined;
  return parseInterfaceCounters(readStart(`/proc/${pid}/net/dev`, mostBytes));
}

/** Whole lines of a file, as far as they are within its first `most` bytes. */
export function readStart(path: string, most: number): string {
  const bytes = Buffer.alloc(most);
  const fd = openSync(path, "r");
  let length = 0;
  try {
    for (let read = -1; read !== 0 && length < most; length += read)
      read = readSync(fd, bytes, length, most - length, null);
  } finally {
    closeSync(fd);
  }
  const text = bytes.toString("latin1", 0, length);
  return length < most ? text : text.slice(0, text.lastIndexOf("\n") + 1);
}

/** All but the loopback, `eth0` first: it is the CRI's default interface. */
export function parseInterfaceCounters(text: string): readonly InterfaceStats[] {
  const all: InterfaceStats[] = [];
  for (const line of text.split("\n").slice(2)) {
    const colon = line.lastIndexOf(":");
    const name = line.slice(0, colon).trim();
    const counters = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/);
    if (colon === -1 || name === "lo" || counters.length < 12) continue;
    const at = (index: number): bigint => BigInt(counters[index] ?? "0");
    all.push({
      name,
      rxBytes: at(0),
      rxPackets: at(1),
      rxErrors: at(2),
      rxDropped: at(3),
      txBytes: at(8),
      txPackets: at(9),
      txErrors: at(10),
      txDropped: at(11),
    });
  }
  return all.sort((a, b) => Number(b.name === "eth0") - Number(a.name === "eth0"));
}
