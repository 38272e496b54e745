import { Code, ConnectError } from "@connectrpc/connect";
import type { Duel, DuelKind } from "./racer-duel.ts";
import { openCommand } from "./stream-clients.ts";

/** The ways in which something comes into a pid namespace, or to the streams of who is there. */
export const entryWays = ["exec", "probe", "session", "attach", "start", "debug"] as const;
export type EntryWay = (typeof entryWays)[number];

/** The racer can hold up what it has caught: longer than this nobody waits for it. */
const longestMs = 20_000;

/** Those in which the racer sees something come. */
export function entryWaysOf({ mode }: DuelKind): readonly EntryWay[] {
  return entryWays.filter((way) => {
    // Another container has a namespace of its own.
    if (way === "start") return mode !== "CONTAINER";
    // No namespace of a container to target.
    return way !== "debug" || mode !== "NODE";
  });
}

/** Comes in once, before the racer's eyes. @throws when it is refused or held up, which the racer may bring about. */
export async function enter(duel: Duel, way: EntryWay): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`${way} took over ${longestMs} ms`)), longestMs);
  const work = ways[way](duel);
  // What is given up may fail later: nobody is left to be told.
  work.catch(() => undefined);
  await Promise.race([work, late.promise]).finally(() => clearTimeout(timer));
}

const ways: Readonly<Record<EntryWay, (duel: Duel) => Promise<void>>> = {
  async exec({ entered }) {
    await entered.exec(["true"]);
  },
  // One that its timeout ends: its stage and its processes are killed.
  async probe({ entered }) {
    try {
      await entered.exec(["/bin/pause"], 1);
    } catch (error) {
      if (ConnectError.from(error).code !== Code.DeadlineExceeded) throw error;
    }
  },
  async session({ entered }) {
    const flags = { stdin: true, stdout: true, stderr: false, tty: true };
    const { url } = await entered.cri.runtime.exec({ containerId: entered.id, cmd: ["true"], ...flags });
    using client = await openCommand("websocket", url, true);
    while (!client.closed) await Bun.sleep(5);
  },
  async attach({ entered }) {
    const flags = { stdin: false, stdout: true, stderr: true, tty: false };
    const { url } = await entered.cri.runtime.attach({ containerId: entered.id, ...flags });
    using client = await openCommand("websocket", url);
    client.vanish("close");
  },
  start: (duel) => duel.startAnother(),
  debug: (duel) => duel.debug(),
};
