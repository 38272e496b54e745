import type { Command } from "commander";
import { type CheckFinding, CheckFindingSchema, type CheckProgress } from "../../gen/crib/v1/engine_pb.ts";
import { humanSize } from "../format/human-size.ts";
import { printable } from "../format/printable.ts";
import { protoJson } from "../format/proto-json.ts";
import { shortId } from "../format/short-id.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import { noTimeout } from "../program/client.ts";
import { ExitCode } from "../program/exit-code.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";

interface CheckOptions {
  readonly repair?: true;
  readonly json?: true;
}

/** `crib check`: whether what images are made of is still what it was. */
export function addCheckVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("check"))
    .description("verify every blob and layer of the image store, and mend it")
    .option("--repair", "set aside what is damaged, fetch and build it again; running containers keep what they have")
    .option("--json", "print JSON: what was read and what was found")
    .addHelpText(
      "after",
      `${examples(
        ["crib check", "read everything; exit code 1 when something is damaged"],
        ["crib check --repair", "and mend it"],
      )}\n\nThe daemon does the same by itself: slowly all the time, and after a power cut.`,
    )
    .action(
      daemonVerb<CheckOptions>(cli, async (daemon, _args, { repair = false, json = false }) => {
        using interrupt = interruptSignal(cli.io);
        const { signal } = interrupt;
        const findings: CheckFinding[] = [];
        let read: CheckProgress | undefined;
        try {
          for await (const { update } of daemon.engine.check({ repair }, { signal, timeoutMs: noTimeout })) {
            if (update.case === "progress") read = update.value;
            if (update.case !== "finding") continue;
            findings.push(update.value);
            if (!json) cli.io.stdout.write(findingText(update.value));
          }
        } catch (error) {
          if (signal.aborted) return ExitCode.interrupted;
          throw error;
        }
        const left = findings.filter(({ outcome }) => outcome !== "repaired").length;
        if (json)
          printJson(cli.io, {
            items: String(read?.doneItems ?? 0),
            bytes: String(read?.doneBytes ?? 0),
            findings: findings.map((finding) => protoJson(CheckFindingSchema, finding)),
          });
        else cli.io.stdout.write(summary(read, findings.length, left, repair));
        return left === 0 ? ExitCode.ok : ExitCode.failure;
      }),
    );
}

const problems: Readonly<Record<string, string>> = {
  missing: "is missing",
  "wrong-size": "has another size",
  "wrong-digest": "has other bytes",
  unreadable: "cannot be read",
};

function findingText({ part, digest, problem, images, outcome, error }: CheckFinding): string {
  const what = `${printable(part)} ${shortId(digest)} ${problems[problem] ?? printable(problem)}`;
  const end =
    { repaired: ": repaired", lost: `: set aside, and not to be had again: ${printable(error)}` }[outcome] ?? "";
  return `${what}${end}\n${images.map((image) => `  of ${printable(image)}\n`).join("")}`;
}

function summary(read: CheckProgress | undefined, found: number, left: number, repair: boolean): string {
  const size = `${read?.doneItems ?? 0} blobs and layers, ${humanSize(read?.doneBytes ?? 0n)}`;
  if (found === 0) return `${size}: all whole\n`;
  if (left === 0) return `${size}: ${found} damaged, all repaired\n`;
  const next = repair ? "pull their images again, or look into the daemon's log" : "mend with: crib check --repair";
  return `${size}: ${found} damaged, ${left} not repaired; ${next}\n`;
}
