import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parseHostPath } from "../../ids/path.ts";
import type { Pid } from "../../ids/process.ts";
import { parseInterfaceCounters, readInterfaceCounters, readStart } from "./interface-counters.ts";

const text = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
  net1:      11      12   13   14    0     0          0         0       21      22   23   24    0     0       0          0
  eth0:18446744073709551615 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16
`;

test("parseInterfaceCounters reads every interface but the loopback, eth0 first, without losing a bit", () => {
  expect(parseInterfaceCounters(text)).toEqual([
    {
      name: "eth0",
      rxBytes: 18446744073709551615n,
      rxPackets: 2n,
      rxErrors: 3n,
      rxDropped: 4n,
      txBytes: 9n,
      txPackets: 10n,
      txErrors: 11n,
      txDropped: 12n,
    },
    {
      name: "net1",
      rxBytes: 11n,
      rxPackets: 12n,
      rxErrors: 13n,
      rxDropped: 14n,
      txBytes: 21n,
      txPackets: 22n,
      txErrors: 23n,
      txDropped: 24n,
    },
  ]);
});

test("readInterfaceCounters tells nothing of a process that is in another namespace", () => {
  const own = process.pid as Pid;
  expect(readInterfaceCounters(own, parseHostPath("/proc/self/ns/net"))).toBeArray();
  expect(readInterfaceCounters(own, parseHostPath("/proc/self/ns/ipc"))).toBeUndefined();
});

test("of any number of links those are read that were made first, in whole lines", () => {
  const path = join(mkdtempSync(join(tmpdir(), "crib-links-")), "dev");
  try {
    writeFileSync(path, "line\n".repeat(100_000));
    expect(readStart(path, 12)).toBe("line\nline\n");
    expect(readStart(path, 1 << 20)).toHaveLength(500_000);
    writeFileSync(path, "");
    expect(readStart(path, 12)).toBe("");
  } finally {
    rmSync(dirname(path), { recursive: true });
  }
});
