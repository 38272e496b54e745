import type { Command } from "commander";
import { failedPrecondition, invalidArgument, notFound } from "../../errors/crib-error.ts";
import { ContainerState } from "../../gen/runtime/v1/api_pb.ts";
import { parseLogTime } from "../../logs/parse-log-time.ts";
import { readLog } from "../../logs/read-log.ts";
import { parseDuration } from "../parse/duration.ts";
import { parseWholeNumber } from "../parse/whole-number.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";
import { LogPrinter } from "./log-printer.ts";
import { resolveContainer } from "./resolve-target.ts";
import { waitForExit } from "./wait-for-exit.ts";

interface LogsOptions {
  readonly follow?: true;
  readonly tail?: string;
  readonly since?: string;
  readonly timestamps?: true;
}

/** `crib logs`: what a container wrote, its stdout to ours, its stderr to ours. */
export function addLogsVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("logs"))
    .description("print a container's log: its stdout to stdout, its stderr to stderr")
    .argument("<container>", "id, id prefix, NAME or POD/NAME")
    .option("-f, --follow", "go on until the container has ended")
    .option("-n, --tail <lines>", "begin with the last so many lines")
    .option("--since <when>", "only what is younger: a duration (10m) or a moment (2026-01-31T12:00:00Z)")
    .option("--timestamps", "put the time it was written in front of each line")
    .addHelpText(
      "after",
      examples(["crib logs web", "all of it"], ["crib logs -f --tail 20 web", "the last lines, then live"]),
    )
    .action(
      daemonVerb<LogsOptions>(cli, async (daemon, [name = ""], options) => {
        const tail = options.tail === undefined ? undefined : parseWholeNumber(options.tail, "number of lines", 0, 1e9);
        const sinceNs = options.since === undefined ? undefined : parseSince(options.since, cli.io.clock.now());
        const container = await resolveContainer(daemon, name);
        const { status } = await daemon.runtime.containerStatus({ containerId: container.id });
        if (status === undefined) throw notFound("container", name);
        if (status.logPath === "")
          throw failedPrecondition(`container ${container.id} has no log: it was made without a log path`);

        using interrupt = interruptSignal(cli.io);
        const done = new AbortController();
        const printer = new LogPrinter(cli.io, { sinceNs, timestamps: options.timestamps === true });
        const live = options.follow === true && status.state !== ContainerState.CONTAINER_EXITED;
        interrupt.signal.addEventListener("abort", () => done.abort());
        const ended = live
          ? waitForExit(daemon, cli.io.clock, container.id, done.signal).finally(() => done.abort())
          : Promise.resolve(undefined);
        try {
          for await (const lines of readLog(status.logPath, cli.io.clock, {
            tail,
            follow: live ? done.signal : undefined,
          })) {
            await printer.print(lines);
            if (cli.io.stdout.closed || interrupt.signal.aborted) break;
          }
        } finally {
          done.abort();
        }
        await ended;
      }),
    );
}

function parseSince(text: string, nowNs: bigint): bigint {
  if (/^\d{4}-/.test(text)) {
    const at = parseLogTime(text);
    if (at === undefined)
      throw invalidArgument(`moment ${JSON.stringify(text)} is not understood: write it like 2026-01-31T12:00:00Z`);
    return at;
  }
  return nowNs - BigInt(Math.round(parseDuration(text))) * 1_000_000n;
}
