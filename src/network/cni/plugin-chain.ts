import { CribError, unavailable } from "../../errors/crib-error.ts";
import type { HostPath } from "../../ids/path.ts";
import { foreignField } from "../../json/foreign-object.ts";
import { runProgram } from "../../kernel/process/run-program.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import { findPlugin } from "./find-plugin.ts";
import { type CniNetwork, type CniPlugin, isAtLeast, isObject, type JsonObject } from "./network-list.ts";

export type CniCommand = "ADD" | "DEL" | "GC" | "STATUS";

export interface ChainOptions {
  readonly binDirs: readonly HostPath[];
  readonly pluginTimeoutMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** What one pod's ADD or DEL is about. */
export interface Attachment {
  readonly containerId: string;
  /** "" when the namespace is gone (DEL only). */
  readonly netns: string;
  readonly args: string;
  readonly capabilityArgs: Readonly<Record<string, unknown>>;
}

/** The interface's name inside the pod, as every Kubernetes runtime names it. */
const podInterface = "eth0";

/** The plugin's own refusal (CNI specification, section 5, "Error"). */
class PluginRefusal extends CribError {
  readonly pluginCode: number | undefined;

  constructor(message: string, pluginCode: number | undefined) {
    super("unavailable", message);
    this.pluginCode = pluginCode;
  }
}

/**
 * ADD through the chain, each plugin with the result of the one before it.
 *
 * When one fails, DEL runs for it and those before it, in reverse and with deadlines of its own: the caller's may be
 * what ended the ADD.
 *
 * @throws {CribError}
 */
export async function addToNetwork(
  network: CniNetwork,
  attachment: Attachment,
  signal: AbortSignal,
  options: ChainOptions,
): Promise<JsonObject> {
  let result: JsonObject | undefined;
  for (const [index, plugin] of network.plugins.entries()) {
    try {
      const printed = await callPlugin("ADD", network, plugin, { attachment, prevResult: result, signal }, options);
      // A plugin that only tunes may print nothing: what the one before it said still holds.
      result = printed ?? result;
    } catch (error) {
      const begun = { ...network, plugins: network.plugins.slice(0, index + 1) };
      await removeFromNetwork(begun, attachment, result, options).catch((cleanup: unknown) =>
        options.log.warn({ error: cleanup, network: network.name }, "a failed CNI ADD could not be undone"),
      );
      throw error;
    }
  }
  return result ?? {};
}

/**
 * DEL through the chain in reverse. A plugin that fails does not keep the others from cleaning up: an address kept by a
 * chain that stopped half-way is lost to the node (containerd issue 12130). The first failure is thrown at the end.
 */
export async function removeFromNetwork(
  network: CniNetwork,
  attachment: Attachment,
  prevResult: JsonObject | undefined,
  options: ChainOptions,
): Promise<void> {
  const failures: unknown[] = [];
  for (const plugin of network.plugins.toReversed()) {
    const known = isAtLeast(network.cniVersion, "0.4.0") ? prevResult : undefined;
    try {
      await callPlugin("DEL", network, plugin, { attachment, prevResult: known, signal: undefined }, options);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** GC (1.1): plugins drop what belongs to none of these. Every plugin is asked; failures are thrown together. */
export async function collectGarbage(
  network: CniNetwork,
  validContainerIds: readonly string[],
  options: ChainOptions,
): Promise<void> {
  const attachments = validContainerIds.map((containerID) => ({ containerID, ifname: podInterface }));
  const extra = { "cni.dev/valid-attachments": attachments };
  const outcomes = await Promise.allSettled(
    network.plugins.map((plugin) => callPlugin("GC", network, plugin, { extra }, options)),
  );
  const failures = outcomes.filter((outcome) => outcome.status === "rejected").map(({ reason }) => String(reason));
  if (failures.length > 0) throw unavailable(failures.join("; "));
}

/** STATUS (1.1): the first plugin that cannot serve an ADD now throws. */
export async function checkStatus(network: CniNetwork, options: ChainOptions): Promise<void> {
  await Promise.all(network.plugins.map((plugin) => callPlugin("STATUS", network, plugin, {}, options)));
}

interface CallDetails {
  readonly attachment?: Attachment;
  readonly prevResult?: JsonObject | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly extra?: JsonObject;
}

/** undefined when the plugin printed nothing. */
async function callPlugin(
  command: CniCommand,
  network: CniNetwork,
  plugin: CniPlugin,
  details: CallDetails,
  options: ChainOptions,
): Promise<JsonObject | undefined> {
  const { attachment } = details;
  const what = `CNI network ${JSON.stringify(network.name)}: plugin ${JSON.stringify(plugin.type)} ${command}`;
  const outcome = await runProgram(
    {
      executable: findPlugin(plugin.type, options.binDirs),
      args: [],
      what,
      environment: {
        CNI_COMMAND: command,
        CNI_PATH: options.binDirs.join(":"),
        ...(attachment === undefined
          ? {}
          : {
              CNI_CONTAINERID: attachment.containerId,
              CNI_NETNS: attachment.netns,
              CNI_IFNAME: podInterface,
              CNI_ARGS: attachment.args,
            }),
      },
      input: new TextEncoder().encode(JSON.stringify(executionConfig(network, plugin, details))),
      timeoutMs: options.pluginTimeoutMs,
      signal: details.signal,
    },
    options.clock,
  );
  if (outcome.exitCode !== 0) throw refusal(what, outcome.exitCode, outcome.stdout, outcome.stderr);
  if (command !== "ADD" || outcome.stdout.trim() === "") return undefined;
  const printed = parseJson(outcome.stdout);
  if (printed === undefined)
    throw unavailable(`${what} printed no JSON object: ${JSON.stringify(outcome.stdout.slice(0, 200))}`);
  return printed;
}

/** CNI specification 1.1, section 3, "Deriving execution configuration from plugin configuration". */
function executionConfig(network: CniNetwork, plugin: CniPlugin, details: CallDetails): JsonObject {
  const { capabilities: _, ...config } = plugin.config;
  const args = Object.entries(details.attachment?.capabilityArgs ?? {});
  const runtimeConfig = Object.fromEntries(args.filter(([key]) => plugin.capabilities.includes(key)));
  const takesResult = details.prevResult !== undefined && isAtLeast(network.cniVersion, "0.3.0");
  return {
    ...config,
    name: network.name,
    cniVersion: network.cniVersion,
    ...(Object.keys(runtimeConfig).length > 0 ? { runtimeConfig } : {}),
    ...(takesResult ? { prevResult: details.prevResult } : {}),
    ...details.extra,
  };
}

function refusal(what: string, exitCode: number | undefined, stdout: string, stderr: string): PluginRefusal {
  const said = parseJson(stdout);
  const field = (name: string): unknown => (said === undefined ? undefined : foreignField(said, name));
  const code = field("code");
  const texts = [field("msg"), field("details")].filter((text) => typeof text === "string" && text !== "");
  const fallback =
    stderr.trim().slice(-500) || (exitCode === undefined ? "it was killed by a signal" : `exit code ${exitCode}`);
  return new PluginRefusal(
    `${what} failed: ${texts.length > 0 ? texts.join(": ") : fallback}`,
    typeof code === "number" ? code : undefined,
  );
}

function parseJson(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
