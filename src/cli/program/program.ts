import { addCheckVerb } from "../check/check.ts";
import { addCompletionVerb } from "../completion/completion.ts";
import { addCpVerb } from "../cp/cp.ts";
import { addDoctorVerb } from "../doctor/doctor.ts";
import { addHistoryVerb } from "../history/history.ts";
import { addImagesVerb } from "../images/images.ts";
import { addPullVerb } from "../images/pull.ts";
import { addRmiVerb } from "../images/rmi.ts";
import { addInstallVerb } from "../install/install.ts";
import { addConfigVerb } from "../node/config.ts";
import { addRuntimesVerb } from "../node/runtimes.ts";
import { addServeVerb } from "../node/serve.ts";
import { addUpgradeVerb } from "../node/upgrade.ts";
import { addVersionVerb } from "../node/version.ts";
import { addEventsVerb } from "../pods/events.ts";
import { addInspectVerb } from "../pods/inspect.ts";
import { addLogsVerb } from "../pods/logs.ts";
import { addPodsVerb } from "../pods/pods.ts";
import { addPsVerb } from "../pods/ps.ts";
import { addRmVerb } from "../pods/rm.ts";
import { addStatsVerb } from "../pods/stats.ts";
import { addStopVerb } from "../pods/stop.ts";
import { addRunVerb } from "../run/run.ts";
import { addAttachVerb } from "../session/attach.ts";
import { addDebugVerb } from "../session/debug.ts";
import { addExecVerb } from "../session/exec.ts";
import { addPortForwardVerb } from "../session/port-forward.ts";
import { addTopVerb } from "../top/top.ts";
import type { CliIo } from "./cli-io.ts";
import { type AddVerb, runVerbs } from "./run-verbs.ts";

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
  addRuntimesVerb,
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
