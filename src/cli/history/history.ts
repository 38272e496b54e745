import type { Command } from "commander";
import { humanAge } from "../format/human-age.ts";
import { humanSize } from "../format/human-size.ts";
import { shortId } from "../format/short-id.ts";
import { printTable } from "../format/table.ts";
import { type BuildStep, type ImageInfo, readImageInfo, type StoredLayer } from "../images/read-image-info.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";

interface HistoryOptions {
  readonly json?: true;
}

interface Step {
  readonly step: BuildStep;
  /** Undefined for a step that made none. */
  readonly layer: StoredLayer | undefined;
}

/** `crib history`: how an image was made, and what each step weighs. */
export function addHistoryVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("history"))
    .description("show how an image was made, and what each step weighs on the disk")
    .argument("<image>", "tag, digest, id or id prefix")
    .option("--json", "print JSON: steps, newest first, with their layers")
    .addHelpText("after", examples(["crib history docker.io/library/busybox:1.36", "newest step first"]))
    .action(
      daemonVerb<HistoryOptions>(cli, async (daemon, [word = ""], { json }) => {
        const steps = stepsOf(await readImageInfo(daemon, word)).toReversed();
        if (json) {
          printJson(
            cli.io,
            steps.map(({ step, layer }) => ({ ...step, layer: layer ?? null })),
          );
          return;
        }
        const now = cli.io.clock.now();
        printTable(
          cli.io.stdout,
          [
            { title: "LAYER", value: ({ layer }) => (layer === undefined ? "" : shortId(layer.chainID)) },
            { title: "CREATED", value: ({ step }) => ageOf(step.created, now) },
            { title: "SIZE", value: ({ layer }) => humanSize(layer?.diskBytes ?? 0), align: "right" },
            { title: "BY", value: ({ step }) => (step.created_by ?? "").replaceAll(/\s+/g, " ") },
            { title: "COMMENT", value: ({ step }) => step.comment ?? "" },
          ],
          steps,
        );
      }),
    );
}

/** Oldest first. Layers that no step tells of come last, with nothing said of them. */
export function stepsOf({ history, layers }: Pick<ImageInfo, "history" | "layers">): readonly Step[] {
  let next = 0;
  const told = history.map((step): Step => ({ step, layer: step.empty_layer ? undefined : layers[next++] }));
  return [...told, ...layers.slice(next).map((layer): Step => ({ step: {}, layer }))];
}

function ageOf(created: string | undefined, now: bigint): string {
  const ms = Date.parse(created ?? "");
  return Number.isNaN(ms) ? "-" : humanAge(BigInt(ms) * 1_000_000n, now);
}
