import { z } from "zod";
import type { OciHandlerConfig } from "../../config/runtime-handler.ts";
import type { Log } from "../../observe/log.ts";
import type { RuntimeFeatures } from "../port.ts";

/** A program that answers by then, or is not waited for. */
const probeMs = 5_000;
const maxAnswerBytes = 1024 * 1024;

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
  log: Log,
): Promise<RuntimeFeatures> {
  try {
    const { mountOptions, linux } = document.parse(JSON.parse(await answer([path, ...args, "features"])));
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

async function answer(argv: string[]): Promise<string> {
  const child = Bun.spawn(argv, {
    env: {},
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
    timeout: probeMs,
    killSignal: "SIGKILL",
    maxBuffer: maxAnswerBytes,
  });
  const text = await new Response(child.stdout).text();
  const code = await child.exited;
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}`);
  return text;
}
