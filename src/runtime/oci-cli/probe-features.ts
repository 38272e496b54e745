import { z } from "zod";
import type { OciHandlerConfig } from "../../config/runtime-handler.ts";
import { unavailable } from "../../errors/crib-error.ts";
import { runProgram } from "../../kernel/process/run-program.ts";
import type { Clock } from "../../observe/clock.ts";
import type { Log } from "../../observe/log.ts";
import type { RuntimeFeatures } from "../port.ts";

/** A program that answers by then, or is not waited for. */
const probeMs = 5_000;

/** Of the OCI's features document (runtime-spec, features.md), what the CRI asks about. */
const document = z.object({
  mountOptions: z.array(z.string()).nullish(),
  linux: z.object({ namespaces: z.array(z.string()).nullish() }).nullish(),
});

const none: RuntimeFeatures = { recursiveReadOnlyMounts: false, userNamespaces: false, cgroupNamespaces: false };

/**
 * What the runtime says that it can do, by its `features`. One that has no such verb, or does not answer, can be asked for
 * nothing that a node may lack. Pods with a user namespace are not handed to other runtimes yet.
 */
export async function probeOciFeatures(
  name: string,
  { path, args }: Pick<OciHandlerConfig, "path" | "args">,
  { clock, log }: { readonly clock: Clock; readonly log: Log },
): Promise<RuntimeFeatures> {
  const call = {
    executable: path,
    args: [...args, "features"],
    what: `features of the runtime ${JSON.stringify(name)}`,
    environment: {},
    input: new Uint8Array(0),
    timeoutMs: probeMs,
    signal: undefined,
  };
  try {
    const { exitCode, stdout } = await runProgram(call, clock);
    if (exitCode !== 0) throw unavailable(`${call.what}: it ended with ${exitCode}`);
    const { mountOptions, linux } = document.parse(JSON.parse(stdout));
    return {
      recursiveReadOnlyMounts: mountOptions?.includes("rro") === true,
      userNamespaces: false,
      cgroupNamespaces: linux?.namespaces?.includes("cgroup") === true,
    };
  } catch (error) {
    log.warn(
      { handler: name, path, error: String(error) },
      "a runtime does not say what it can do: nothing is offered",
    );
    return none;
  }
}
