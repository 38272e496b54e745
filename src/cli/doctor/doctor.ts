import type { Command } from "commander";
import { type Paint, paint } from "../format/paint.ts";
import { printable } from "../format/printable.ts";
import { type Cli, examples, openDaemon, printJson, verb } from "../program/cli.ts";
import { ExitCode } from "../program/exit-code.ts";
import { cgroupChecks } from "./cgroup-checks.ts";
import type { DoctorPlaces, Finding, Severity } from "./check.ts";
import { kernelChecks } from "./kernel-checks.ts";
import { limitChecks } from "./limit-checks.ts";
import { monitorFindings } from "./monitor-check.ts";
import { networkChecks } from "./network-checks.ts";
import { clockCheck, nodeChecks } from "./node-checks.ts";
import { runtimeFindings } from "./runtime-check.ts";
import { storageChecks } from "./storage-checks.ts";

interface DoctorOptions extends DoctorPlaces {
  readonly quiet?: true;
  readonly json?: true;
}

const colors = { ok: "green", warn: "yellow", fail: "red" } as const satisfies Record<Severity, Paint>;

/** `crib doctor`: whether this host can run pods, and what to do where it cannot. Changes nothing. */
export function addDoctorVerb(program: Command, cli: Cli): void {
  program
    .command("doctor")
    .description("check this host and say what to do; exits 1 when pods could not run")
    .option("--root <dir>", "where crib is going to keep images", "/var/lib/crib")
    .option("--state <dir>", "where crib is going to keep its sockets", "/run/crib")
    .option("-q, --quiet", "only warnings and failures")
    .option("--json", "print JSON: area, name, severity, detail and advice of each check")
    .addHelpText(
      "after",
      examples(["crib doctor", "before the first pod"], ["crib doctor -q", "only what needs doing"]),
    )
    .action(
      verb<DoctorOptions>(cli, async (_args, options) => {
        const findings = await examine(cli, options);
        if (options.json) printJson(cli.io, findings);
        else printFindings(cli, options.quiet ? findings.filter((finding) => finding.severity !== "ok") : findings);
        return findings.some((finding) => finding.severity === "fail") ? ExitCode.failure : ExitCode.ok;
      }),
    );
}

/** All checks in the order of the report. */
async function examine(cli: Cli, places: DoctorPlaces): Promise<readonly Finding[]> {
  const now = new Date(Number(cli.io.clock.now() / 1_000_000n));
  const checks = [
    ...kernelChecks,
    ...cgroupChecks,
    ...networkChecks,
    ...storageChecks,
    ...limitChecks,
    ...nodeChecks,
    clockCheck(now),
  ];
  const findings = await Promise.all(checks.map((check) => check(cli.io.host, places)));
  const socket = `${places.state}/crib.sock`;
  if (!cli.io.host.exists(socket)) return findings;
  using daemon = openDaemon(cli, { address: socket });
  return [...findings, ...(await monitorFindings(daemon)), ...(await runtimeFindings(daemon))];
}

function printFindings(cli: Cli, findings: readonly Finding[]): void {
  const { stdout } = cli.io;
  const width = Math.max(0, ...findings.map((finding) => finding.name.length));
  let area = "";
  for (const finding of findings) {
    if (finding.area !== area) stdout.write(`${paint(stdout, "bold", finding.area)}\n`);
    area = finding.area;
    const mark = paint(stdout, colors[finding.severity], finding.severity.padEnd(4));
    stdout.write(`  ${mark}  ${finding.name.padEnd(width)}  ${printable(finding.detail)}\n`);
    if (finding.advice !== "") stdout.write(`        ${" ".repeat(width)}  -> ${finding.advice}\n`);
  }
  const count = (severity: Severity): number => findings.filter((finding) => finding.severity === severity).length;
  stdout.write(`${findings.length} shown: ${count("ok")} ok, ${count("warn")} warnings, ${count("fail")} failures\n`);
}
