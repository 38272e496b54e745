import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { unavailable } from "../../errors/crib-error.ts";
import { type HostPath, joinHostPath, parseHostPath } from "../../ids/path.ts";
import type { Cli } from "../program/cli.ts";
import type { DaemonProcess } from "../program/cli-io.ts";
import { connectDaemon, type DaemonClient } from "../program/client.ts";
import { ownerLabel } from "./pod-identity.ts";
import { privateRange } from "./private-range.ts";
import { PrivateUse } from "./private-use.ts";
import { processRefLives } from "./process-ref.ts";
import { type PrivateDaemon, stopIfUnused } from "./stop-if-unused.ts";
import { waitForLock } from "./wait-for-lock.ts";

/** Images pulled by one `crib run` are there for the next. */
export const defaultPrivateRoot = "/var/lib/crib-run";

const runDirectory = "/run";
const startBoundMs = 20_000;
const pollMs = 20;

/**
 * Gives `work` a daemon over `root` that exists for `crib run` alone.
 *
 * Several runs share one daemon: the first run starts it, the last one stops it (`private-use.ts`). Its sockets
 * and state live in `/run/crib-run-<root's hash>-<random>`, 0700. A run that was killed leaves pods labelled with a process
 * that is no more: the next run removes them.
 */
export async function withPrivateDaemon(
  cli: Cli,
  root: string,
  work: (daemon: DaemonClient) => Promise<number>,
): Promise<number> {
  const rootPath = parseHostPath(root, "root directory");
  mkdirSync(rootPath, { recursive: true, mode: 0o700 });
  using use = await PrivateUse.begin(cli.io, rootPath);
  const privateDaemon = await findOrStart(cli, rootPath);
  try {
    using daemon = connectDaemon(privateDaemon.socket);
    await removeOrphans(daemon);
    return await work(daemon);
  } finally {
    if (use.isLast()) await stopIfUnused(cli.io.clock, privateDaemon);
  }
}

async function findOrStart(cli: Cli, root: HostPath): Promise<PrivateDaemon> {
  const prefix = `crib-run-${hashOf(root)}-`;
  // Of runs that start at once, one starts the daemon and the others find it.
  using _starting = await waitForLock(cli.io, joinHostPath(root, "start.lock"), "alone");
  const giveUpAtMs = cli.io.clock.monotonicMs() + startBoundMs;
  let lastWords = "";
  // A run that was killed may have left a daemon that is not ready yet: it is in the way of ours, and found a moment later.
  do {
    const running = await findRunning(cli, prefix);
    if (running !== undefined) return running;
    const started = await start(cli, root, prefix, giveUpAtMs);
    if (typeof started !== "string") return started;
    lastWords = started || lastWords;
  } while (cli.io.clock.monotonicMs() < giveUpAtMs && (await cli.io.clock.sleep(200)));
  throw unavailable(
    `the private daemon over ${root} does not start: ${lastWords || "it said nothing"}: try \`crib doctor\``,
  );
}

/** Directories whose daemon died keep records of pods; a daemon started over them again takes them up. */
async function findRunning(cli: Cli, prefix: string): Promise<PrivateDaemon | undefined> {
  for (const name of readdirSync(runDirectory)) {
    if (!name.startsWith(prefix)) continue;
    const directory = `${runDirectory}/${name}`;
    const answer = await ask(`${directory}/crib.sock`, cli);
    if (answer !== undefined) return { directory, ...answer };
  }
  return undefined;
}

async function ask(socket: string, cli: Cli): Promise<{ readonly socket: string; readonly pid: number } | undefined> {
  if (!(await cli.io.host.answers(socket))) return undefined;
  using daemon = connectDaemon(socket, 5000);
  try {
    return { socket, pid: Number((await daemon.engine.info({})).pid) };
  } catch {
    return undefined;
  }
}

/** @returns what the daemon said last when it did not come up. */
async function start(cli: Cli, root: string, prefix: string, giveUpAtMs: number): Promise<PrivateDaemon | string> {
  const left = readdirSync(runDirectory).find((name) => name.startsWith(prefix));
  const directory = left === undefined ? mkdtempSync(`${runDirectory}/${prefix}`) : `${runDirectory}/${left}`;
  const socket = `${directory}/crib.sock`;
  const logFile = `${directory}/daemon.log`;
  const args = ["--root", root, "--state", `${directory}/state`, "--listen", `unix://${socket}`];
  const child = cli.io.startDaemon(["serve", ...args, ...ownNames(root)], logFile);
  const exited = trackExit(child);
  while (cli.io.clock.monotonicMs() < giveUpAtMs) {
    const answer = await ask(socket, cli);
    if (answer !== undefined) return { directory, ...answer };
    if (exited.code !== undefined) break;
    await cli.io.clock.sleep(pollMs);
  }
  child.kill("SIGKILL");
  const words = lastLine(logFile);
  if (left === undefined) rmSync(directory, { recursive: true, force: true });
  return words;
}

/** The node's configuration holds, but for names that belong to one daemon at a time. */
function ownNames(root: string): string[] {
  const hash = hashOf(root);
  const bridge = `crib-${hash}`;
  const subnet = privateRange(readFileSync("/proc/net/route", "latin1"), Number.parseInt(hash.slice(0, 2), 16), bridge);
  const settings = [`network.bridge=${bridge}`, `network.subnet=${subnet}`, `cgroup.default_parent=/crib-run-${hash}`];
  return settings.flatMap((setting) => ["--set", setting]);
}

/** Eight digits: short enough for an interface name, long enough for the few roots of a machine. */
function hashOf(root: string): string {
  return createHash("sha256").update(root).digest("hex").slice(0, 8);
}

function trackExit(child: DaemonProcess): { code: number | undefined } {
  const exited: { code: number | undefined } = { code: undefined };
  child.exited.then(
    (code) => {
      exited.code = code;
    },
    () => {
      exited.code = -1;
    },
  );
  return exited;
}

function lastLine(logFile: string): string {
  try {
    return readFileSync(logFile, "utf8").trim().split("\n").at(-1) ?? "";
  } catch {
    return "";
  }
}

async function removeOrphans(daemon: DaemonClient): Promise<void> {
  const { items } = await daemon.runtime.listPodSandbox({});
  for (const pod of items) {
    const owner = pod.labels[ownerLabel];
    if (owner === undefined || processRefLives(owner)) continue;
    await daemon.runtime.stopPodSandbox({ podSandboxId: pod.id });
    await daemon.runtime.removePodSandbox({ podSandboxId: pod.id });
  }
}
