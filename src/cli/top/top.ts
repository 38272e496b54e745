import type { Command } from "commander";
import { failedPrecondition } from "../../errors/crib-error.ts";
import { ContainerState } from "../../gen/runtime/v1/api_pb.ts";
import { humanSize } from "../format/human-size.ts";
import { type Column, printTable } from "../format/table.ts";
import { containerInfo } from "../pods/container-info.ts";
import { resolveTarget } from "../pods/resolve-target.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";
import { type ContainerProcess, readGroups, readProcesses } from "./read-processes.ts";

interface TopOptions {
  readonly once?: true;
  readonly json?: true;
}

interface Row extends ContainerProcess {
  readonly container: string;
}

const betweenSamplesMs = 1000;

/** `crib top`: the processes of containers, live on a terminal. */
export function addTopVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("top"))
    .description("show the processes of containers, the busiest first")
    .argument("[target]", "one container or pod; all running containers when absent")
    .option("--once", "one table over one second; the default when the output is no terminal")
    .option("--json", "print JSON: one sample, times since each process began")
    .addHelpText(
      "after",
      examples(["crib top web", "live until Ctrl-C"], ["crib top --once", "everything on this node, for a report"]),
    )
    .action(
      daemonVerb<TopOptions>(cli, async (daemon, [word], options) => {
        const take = (): Promise<readonly Row[]> => sample(cli, daemon, word);
        if (options.json) {
          printJson(cli.io, await take());
          return;
        }
        const live = options.once !== true && cli.io.stdout.isTerminal;
        using interrupt = interruptSignal(cli.io);
        let before = await take();
        do {
          const since = cli.io.clock.monotonicMs();
          if (!(await cli.io.clock.sleep(betweenSamplesMs, interrupt.signal))) return;
          const now = await take();
          if (live) cli.io.stdout.write("\u001b[H\u001b[2J");
          const busy = busyness(before, cli.io.clock.monotonicMs() - since);
          const sorted = now.toSorted((a, b) => busy(b) - busy(a) || b.residentBytes - a.residentBytes);
          printTable(cli.io.stdout, columns(busy), live ? sorted.slice(0, cli.io.stdout.rows - 2) : sorted);
          await cli.io.stdout.flush();
          before = now;
        } while (live && !cli.io.stdout.closed);
      }),
    );
}

async function sample(cli: Cli, daemon: DaemonClient, word: string | undefined): Promise<readonly Row[]> {
  const target = word === undefined ? undefined : await resolveTarget(daemon, word);
  const { containers } = await daemon.runtime.listContainers({
    filter: {
      ...(target?.kind === "container" ? { id: target.id } : {}),
      ...(target?.kind === "pod" ? { podSandboxId: target.id } : {}),
      state: { state: ContainerState.CONTAINER_RUNNING },
    },
  });
  if (target?.kind === "container" && containers.length === 0)
    throw failedPrecondition(`container ${target.id} does not run: it has no processes`);
  const groups = readGroups(cli.io.host);
  const rows: Row[] = [];
  for (const { id, metadata } of containers) {
    const { pid } = await containerInfo(daemon, id);
    if (pid === 0) continue;
    for (const process of readProcesses(cli.io.host, groups, pid))
      rows.push({ container: metadata?.name ?? "", ...process });
  }
  return rows;
}

/** Percent of one processor since the sample before, by process. */
function busyness(before: readonly Row[], elapsedMs: number): (row: Row) => number {
  const earlier = new Map(before.map((row) => [row.pid, row.cpuMs]));
  return (row) => ((row.cpuMs - (earlier.get(row.pid) ?? row.cpuMs)) * 100) / Math.max(1, elapsedMs);
}

function columns(busy: (row: Row) => number): Column<Row>[] {
  return [
    { title: "CONTAINER", value: (row) => row.container },
    { title: "PID", value: (row) => String(row.innerPid), align: "right" },
    { title: "HOST PID", value: (row) => String(row.pid), align: "right" },
    { title: "UID", value: (row) => String(row.uid), align: "right" },
    { title: "S", value: (row) => row.state },
    { title: "CPU %", value: (row) => busy(row).toFixed(1), align: "right" },
    { title: "MEMORY", value: (row) => humanSize(BigInt(row.residentBytes)), align: "right" },
    { title: "TIME", value: (row) => processorTime(row.cpuMs), align: "right" },
    { title: "COMMAND", value: (row) => row.command },
  ];
}

/** `0:03.20`, minutes, seconds and hundredths, as top shows it. */
function processorTime(ms: number): string {
  const seconds = ms / 1000;
  return `${Math.floor(seconds / 60)}:${(seconds % 60).toFixed(2).padStart(5, "0")}`;
}
