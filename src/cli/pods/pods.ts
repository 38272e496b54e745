import type { Command } from "commander";
import { type PodSandbox, PodSandboxSchema } from "../../gen/runtime/v1/api_pb.ts";
import { humanAge } from "../format/human-age.ts";
import { protoJson } from "../format/proto-json.ts";
import { shortId } from "../format/short-id.ts";
import { podStateNames } from "../format/state-name.ts";
import { type Column, printTable } from "../format/table.ts";
import { collect } from "../parse/collect.ts";
import { parseLabels } from "../parse/label-selector.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { listInventory } from "./inventory.ts";
import { orNothing } from "./or-nothing.ts";

interface PodsOptions {
  readonly label?: readonly string[];
  readonly wide?: true;
  readonly quiet?: true;
  readonly json?: true;
}

/** `crib pods`: every pod, ready or not. */
export function addPodsVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("pods"))
    .description("list pods")
    .option("-l, --label <key=value>", "only those with this label; repeat for several", collect)
    .option("-w, --wide", "also addresses, runtime handlers and monitors: one more question a pod")
    .option("-q, --quiet", "print full ids only")
    .option("--json", "print JSON, as the CRI names the fields")
    .addHelpText("after", examples(["crib pods", "all pods"], ["crib pods --wide", "with their addresses"]))
    .action(
      daemonVerb<PodsOptions>(cli, async (daemon, _args, options) => {
        const { pods } = await listInventory(daemon, { labelSelector: parseLabels(options.label ?? []) });
        if (options.json)
          printJson(
            cli.io,
            pods.map((pod) => protoJson(PodSandboxSchema, pod)),
          );
        else if (options.quiet) cli.io.stdout.write(pods.map((pod) => `${pod.id}\n`).join(""));
        else printTable(cli.io.stdout, await podColumns(cli, daemon, pods, options.wide === true), pods);
      }),
    );
}

async function podColumns(
  cli: Cli,
  daemon: DaemonClient,
  pods: readonly PodSandbox[],
  wide: boolean,
): Promise<Column<PodSandbox>[]> {
  const now = cli.io.clock.now();
  const columns: Column<PodSandbox>[] = [
    { title: "POD", value: (row) => shortId(row.id) },
    { title: "NAMESPACE", value: (row) => row.metadata?.namespace ?? "" },
    { title: "NAME", value: (row) => row.metadata?.name ?? "" },
    { title: "STATE", value: (row) => podStateNames[row.state] },
    { title: "AGE", value: (row) => humanAge(row.createdAt, now), align: "right" },
    { title: "ATTEMPT", value: (row) => String(row.metadata?.attempt ?? 0), align: "right" },
  ];
  if (!wide) return columns;
  const addresses = new Map(
    await Promise.all(pods.map(async (pod) => [pod.id, await podAddress(daemon, pod.id)] as const)),
  );
  const builds = await monitorBuilds(daemon);
  return [
    ...columns,
    { title: "IP", value: (row) => addresses.get(row.id) ?? "-" },
    { title: "HANDLER", value: (row) => row.runtimeHandler || "default" },
    { title: "MONITOR", value: (row) => builds.get(row.id) ?? "-" },
  ];
}

/** What each pod's monitor runs; one of before monitors told is "old". Another engine than crib has none. */
async function monitorBuilds(daemon: DaemonClient): Promise<ReadonlyMap<string, string>> {
  const { monitors } = (await orNothing(daemon.engine.listMonitors({}))) ?? { monitors: [] };
  return new Map(monitors.map(({ podSandboxId, build }) => [podSandboxId, build === "" ? "old" : build]));
}

/** A pod that went away since it was listed has no address; that is no reason to fail the list. */
async function podAddress(daemon: DaemonClient, podSandboxId: string): Promise<string> {
  try {
    const { status } = await daemon.runtime.podSandboxStatus({ podSandboxId });
    const network = status?.network;
    const all = [network?.ip ?? "", ...(network?.additionalIps ?? []).map((additional) => additional.ip)];
    return all.filter((ip) => ip !== "").join(",") || "-";
  } catch {
    return "-";
  }
}
