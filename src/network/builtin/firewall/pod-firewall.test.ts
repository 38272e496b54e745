import { expect, test } from "bun:test";
import { CribError } from "../../../errors/crib-error.ts";
import { Errno } from "../../../errors/errno.ts";
import { ErrnoError } from "../../../errors/errno-error.ts";
import { createRecordingKernel } from "../../../kernel/recording.ts";
import type { Log } from "../../../observe/log.ts";
import { MessageBuilder } from "../../netlink/message-builder.ts";
import { parseMessages } from "../../netlink/parse-messages.ts";
import { PodFirewall } from "./pod-firewall.ts";

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const nothing = { hostPorts: [], guard: [] };

function onKernelWithout(errno: number): PodFirewall {
  const kernel = createRecordingKernel({
    socket() {
      throw new ErrnoError(errno, "socket");
    },
  });
  return new PodFirewall({ kernel, bridge: "crib0", antiSpoofing: true, log: silent });
}

async function failureOf(action: () => Promise<void>): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error("it did not fail");
}

test("a kernel without nftables: the message says what to load or do instead", async () => {
  const failure = await failureOf(() => onKernelWithout(Errno.EPROTONOSUPPORT).write([], nothing));
  expect(CribError.is(failure, "failed-precondition")).toBe(true);
  expect(String(failure)).toMatch(/load nf_tables, nft_nat, nft_masq and nft_fib_inet, or configure a CNI network/);
});

test("a kernel without nftables has no table to remove", async () => {
  await expect(onKernelWithout(Errno.EPROTONOSUPPORT).remove()).resolves.toBeUndefined();
});

test("a missing privilege stays what it is", async () => {
  const failure = await failureOf(() => onKernelWithout(Errno.EPERM).write([], nothing));
  expect(failure).toBeInstanceOf(ErrnoError);
});

function acknowledgement(sequence: number, errno: number): Uint8Array {
  const builder = new MessageBuilder(sequence);
  builder.begin(2, 0);
  builder.u32(-errno >>> 0);
  builder.raw(new Uint8Array(16));
  builder.end();
  return builder.finish().slice();
}

/** A kernel that refuses what is of the bridge family, with this errno, and acknowledges the rest. */
function onKernelWithoutBridgeRules(errno: number, told: string[]) {
  const sentTo: number[][] = [];
  const kernel = createRecordingKernel({
    async exchangeAside(_fd, { datagram }) {
      const operations = parseMessages(datagram).filter(({ type }) => type >> 8 === 10);
      const families = operations.map(({ body }) => body[0] ?? 0);
      sentTo.push(families);
      const refused = operations[families.indexOf(7)];
      const failure = refused === undefined ? [] : acknowledgement(refused.sequence, errno);
      return Uint8Array.of(...failure, ...acknowledgement(operations.at(-1)?.sequence ?? 0, 0));
    },
  });
  const log: Log = { ...silent, warn: (_, message) => told.push(message) };
  return { firewall: new PodFirewall({ kernel, bridge: "crib0", antiSpoofing: true, log }), sentTo };
}

test.each([Errno.EOPNOTSUPP, Errno.EAFNOSUPPORT, Errno.ENOENT])(
  "a kernel without rules for bridges (%i) gets the others, is told of once, and pods come and go",
  async (errno) => {
    const told: string[] = [];
    const { firewall, sentTo } = onKernelWithoutBridgeRules(errno, told);
    const pod = {
      hostPorts: [{ set: "hostports4", key: Uint8Array.of(1) }],
      guard: [{ set: "links", key: Uint8Array.of(2) }],
    };
    for (let i = 0; i < 2; i++) {
      await firewall.write([], pod);
      const [attempt, fallback] = sentTo.splice(0);
      expect([attempt?.includes(7), fallback?.includes(7), fallback?.includes(1)]).toEqual([true, false, true]);
    }
    expect(told).toEqual([expect.stringContaining("no nftables rules for bridges")]);
    await firewall.addElements(pod);
    expect(await firewall.removeElements(pod)).toBe(true);
    expect(sentTo).toEqual([[1], [1]]);
    await firewall.addElements({ hostPorts: [], guard: pod.guard });
    expect(sentTo).toHaveLength(2);
  },
);
