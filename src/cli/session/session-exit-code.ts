import { assertNever } from "../../errors/assert-never.ts";
import type { Cli } from "../program/cli.ts";
import { ExitCode } from "../program/exit-code.ts";
import { explainFailedStart } from "../program/explain-start-error.ts";
import type { SessionOutcome } from "./run-session.ts";

/** The shell's exit code for a session; one that failed is explained on stderr. */
export function sessionExitCode(cli: Cli, outcome: SessionOutcome): number {
  switch (outcome.kind) {
    case "exited":
      return outcome.exitCode;
    case "detached":
      return ExitCode.ok;
    case "failed":
      return explainFailedStart(cli, outcome.message);
    default:
      return assertNever(outcome, "end of a session");
  }
}
