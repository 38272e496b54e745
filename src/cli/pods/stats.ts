import type { Command } from "commander";
import { ContainerStatsSchema, PodSandboxStatsSchema } from "../../gen/runtime/v1/api_pb.ts";
import { humanSize } from "../format/human-size.ts";
import { protoJson } from "../format/proto-json.ts";
import { shortId } from "../format/short-id.ts";
import { type Column, printTable } from "../format/table.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";
import { resolveTarget } from "./resolve-target.ts";
import { type Sample, sampleContainers, samplePods } from "./stats-sample.ts";

interface StatsOptions {
  readonly pods?: true;
  readonly watch?: true;
  readonly json?: true;
}

const betweenSamplesMs = 1000;

/** `crib stats`: processor, memory and disk of containers or pods. */
export function addStatsVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("stats"))
    .description("print what containers or pods use of processor, memory and disk")
    .argument("[target]", "one container or pod; all running containers when absent")
    .option("-p, --pods", "a line for each pod instead of each container")
    .option("-w, --watch", "again every second until Ctrl-C")
    .option("--json", "print JSON, as the CRI names the fields")
    .addHelpText(
      "after",
      examples(
        ["crib stats", "all containers, processor use over one second"],
        ["crib stats --pods --watch", "all pods, live"],
      ),
    )
    .action(
      daemonVerb<StatsOptions>(cli, async (daemon, [word], options) => {
        const target = word === undefined ? undefined : await resolveTarget(daemon, word);
        const ofPods = options.pods === true || target?.kind === "pod";
        if (options.json) {
          printJson(
            cli.io,
            ofPods ? await podStatsJson(daemon, target?.id) : await containerStatsJson(daemon, target?.id),
          );
          return;
        }
        using interrupt = interruptSignal(cli.io);
        const take = (): Promise<readonly Sample[]> =>
          ofPods ? samplePods(daemon, target?.id) : sampleContainers(daemon, target?.id);
        let before = await take();
        do {
          if (!(await cli.io.clock.sleep(betweenSamplesMs, interrupt.signal))) return;
          const now = await take();
          if (options.watch && cli.io.stdout.isTerminal) cli.io.stdout.write("\u001b[H\u001b[2J");
          printTable(cli.io.stdout, sampleColumns(before), now);
          await cli.io.stdout.flush();
          before = now;
        } while (options.watch && !cli.io.stdout.closed);
      }),
    );
}

async function containerStatsJson(daemon: DaemonClient, id: string | undefined): Promise<unknown> {
  const { stats } = await daemon.runtime.listContainerStats(id === undefined ? {} : { filter: { id } });
  return stats.map((entry) => protoJson(ContainerStatsSchema, entry));
}

async function podStatsJson(daemon: DaemonClient, id: string | undefined): Promise<unknown> {
  const { stats } = await daemon.runtime.listPodSandboxStats(id === undefined ? {} : { filter: { id } });
  return stats.map((entry) => protoJson(PodSandboxStatsSchema, entry));
}

function sampleColumns(before: readonly Sample[]): Column<Sample>[] {
  const earlier = new Map(before.map((sample) => [sample.id, sample]));
  return [
    { title: "ID", value: (row) => shortId(row.id) },
    { title: "NAME", value: (row) => row.name },
    { title: "CPU %", value: (row) => cpuPercent(earlier.get(row.id), row), align: "right" },
    {
      title: "MEMORY",
      value: (row) => (row.memoryBytes === undefined ? "-" : humanSize(row.memoryBytes)),
      align: "right",
    },
    { title: "DISK", value: (row) => (row.diskBytes === undefined ? "-" : humanSize(row.diskBytes)), align: "right" },
    ...(before.some((sample) => sample.processes !== undefined) ? [processesColumn] : []),
  ];
}

/** The CRI counts processes of pods only. */
const processesColumn: Column<Sample> = {
  title: "PROCESSES",
  value: (row) => String(row.processes ?? "-"),
  align: "right",
};

/** 100 is one processor fully used between the two samples. */
function cpuPercent(before: Sample | undefined, after: Sample): string {
  if (before?.cpuNs === undefined || after.cpuNs === undefined || after.atNs <= before.atNs) return "-";
  return ((Number(after.cpuNs - before.cpuNs) * 100) / Number(after.atNs - before.atNs)).toFixed(1);
}
