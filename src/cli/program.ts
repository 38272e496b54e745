import { addAttachVerb } from "./attach.ts";
import { addCheckVerb } from "./check/check.ts";
import type { CliIo } from "./cli-io.ts";
import { addCompletionVerb } from "./completion.ts";
import { addConfigVerb } from "./config.ts";
import { addCpVerb } from "./cp.ts";
import { addDebugVerb } from "./debug.ts";
import { addDoctorVerb } from "./doctor.ts";
import { addEventsVerb } from "./events.ts";
import { addExecVerb } from "./exec.ts";
import { addHistoryVerb } from "./history/history.ts";
import { addImagesVerb } from "./images.ts";
import { addInspectVerb } from "./inspect.ts";
import { addInstallVerb } from "./install.ts";
import { addLogsVerb } from "./logs.ts";
import { addPodsVerb } from "./pods.ts";
import { addPortForwardVerb } from "./port-forward.ts";
import { addPsVerb } from "./ps.ts";
import { addPullVerb } from "./pull.ts";
import { addRmVerb } from "./rm.ts";
import { addRmiVerb } from "./rmi.ts";
import { addRunVerb } from "./run.ts";
import { type AddVerb, runVerbs } from "./run-verbs.ts";
import { addServeVerb } from "./serve.ts";
import { addStatsVerb } from "./stats.ts";
import { addStopVerb } from "./stop.ts";
import { addTopVerb } from "./top.ts";
import { addUpgradeVerb } from "./upgrade.ts";
import { addVersionVerb } from "./version.ts";

/** Verbs in the order of `crib --help`: what people reach for first comes first. */
const verbs = [
  addRunVerb,
  addPullVerb,
  addPsVerb,
  addPodsVerb,
  addImagesVerb,
  addHistoryVerb,
  addExecVerb,
  addAttachVerb,
  addDebugVerb,
  addCpVerb,
  addPortForwardVerb,
  addLogsVerb,
  addStatsVerb,
  addTopVerb,
  addEventsVerb,
  addInspectVerb,
  addStopVerb,
  addRmVerb,
  addRmiVerb,
  addServeVerb,
  addInstallVerb,
  addUpgradeVerb,
  addDoctorVerb,
  addCheckVerb,
  addConfigVerb,
  addCompletionVerb,
  addVersionVerb,
] as const satisfies readonly AddVerb[];

/** Runs one command line (without the executable's name) of the whole program and returns the exit code. Never throws. */
export async function runCli(argv: readonly string[], io: CliIo): Promise<number> {
  return await runVerbs(argv, io, verbs);
}
