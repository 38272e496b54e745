import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { unavailable } from "../../errors/crib-error.ts";
import { parseHostPath } from "../../ids/path.ts";
import type { Cli } from "../cli.ts";
import type { DaemonProcess } from "../cli-io.ts";
import { connectDaemon, type DaemonClient } from "../client.ts";
import { ownerLabel } from "./pod-identity.ts";
import { processRefLives } from "./process-ref.ts";

/** Images pulled by one `crib run` are there for the next. */
export const defaultPrivateRoot = "/var/lib/crib-run";

const runDirectory = "/run";
const startBoundMs = 20_000;
const stopBoundMs = 20_000;
const pollMs = 20;

interface PrivateDaemon {
  readonly directory: string;
  readonly socket: string;
  readonly pid: number;
}

/**
 * Gives `work` a daemon over `root` that exists for `crib run` alone.
 *
 * Several runs share one daemon: whoever comes first starts it, whoever finds no pod but their own at the end stops
 * it. Its sockets and state live in `/run/crib-run-<root's hash>-<random>`, 0700. A run that was killed leaves pods
 * labelled with a process that is no more: the next run removes them.
 */
export async function withPrivateDaemon(
  cli: Cli,
  root: string,
  work: (daemon: DaemonClient) => Promise<number>,
): Promise<number> {
  const rootPath = parseHostPath(root, "root directory");
  const privateDaemon = await findOrStart(cli, rootPath);
  try {
    using daemon = connectDaemon(privateDaemon.socket);
    await removeOrphans(daemon);
    return await work(daemon);
  } finally {
    await stopIfUnused(cli, privateDaemon);
  }
}

async function findOrStart(cli: Cli, root: string): Promise<PrivateDaemon> {
  const prefix = `crib-run-${createHash("sha256").update(root).digest("hex").slice(0, 8)}-`;
  const giveUpAtMs = cli.io.clock.monotonicMs() + startBoundMs;
  let lastWords = "";
  // Two runs may start at once, and one may be leaving: the loser of either race looks again.
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
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const socket = `${directory}/crib.sock`;
  const logFile = `${directory}/daemon.log`;
  const args = ["--root", root, "--state", `${directory}/state`, "--listen", `unix://${socket}`];
  const child = cli.io.startDaemon(["serve", ...args], logFile);
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

/** Renamed before it is removed: a run that starts at this moment must not find half of it. */
async function stopIfUnused(cli: Cli, { directory, pid, socket }: PrivateDaemon): Promise<void> {
  if (await hasPods(socket)) return;
  process.kill(pid, "SIGTERM");
  const giveUpAtMs = cli.io.clock.monotonicMs() + stopBoundMs;
  while (isAlive(pid)) {
    if (cli.io.clock.monotonicMs() > giveUpAtMs)
      throw unavailable(`the private daemon (pid ${pid}, ${socket}) does not stop: look into ${directory}/daemon.log`);
    await cli.io.clock.sleep(pollMs);
  }
  const leaving = `${runDirectory}/.removing-${crypto.randomUUID()}`;
  renameSync(directory, leaving);
  rmSync(leaving, { recursive: true, force: true });
}

/** On a connection of its own, closed before the daemon is told to stop: it would wait for one that is open. */
async function hasPods(socket: string): Promise<boolean> {
  using daemon = connectDaemon(socket);
  const { items } = await daemon.runtime.listPodSandbox({});
  return items.length > 0;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

/** The daemon of a run that was killed is reaped by init, at its leisure. */
function isZombie(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1").replace(/^.*\)/s, ""));
  } catch {
    return true;
  }
}
