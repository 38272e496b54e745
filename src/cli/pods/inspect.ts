import type { Command } from "commander";
import { CribError, notFound } from "../../errors/crib-error.ts";
import { ContainerStatusSchema, ImageSchema, PodSandboxStatusSchema } from "../../gen/runtime/v1/api_pb.ts";
import { jsonText } from "../format/json-text.ts";
import { protoJson } from "../format/proto-json.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { resolveTarget, type Target } from "./resolve-target.ts";

/** `crib inspect`: all there is to know of a container, a pod or an image, as JSON. */
export function addInspectVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("inspect"))
    .description("print everything about a container, a pod or an image as JSON")
    .argument("<target>", "id, id prefix or name of a container or pod; tag, digest or id of an image")
    .option("--json", "accepted for symmetry: the output is always JSON")
    .addHelpText(
      "after",
      examples(
        ["crib inspect web", "status and OCI spec"],
        ["crib inspect web | jq .info.runtimeSpec.process", "a part of it"],
      ),
    )
    .action(
      daemonVerb(cli, async (daemon, [word = ""]) => {
        cli.io.stdout.write(jsonText(await describe(daemon, word), 2));
      }),
    );
}

async function describe(daemon: DaemonClient, word: string): Promise<unknown> {
  const target = await targetOrUndefined(daemon, word);
  if (target === undefined) return await describeImage(daemon, word);
  switch (target.kind) {
    case "container": {
      const { status, info } = await daemon.runtime.containerStatus({ containerId: target.id, verbose: true });
      if (status === undefined) throw notFound("container", word);
      return { kind: "container", status: protoJson(ContainerStatusSchema, status), info: parseInfo(info) };
    }
    case "pod": {
      const { status, info } = await daemon.runtime.podSandboxStatus({ podSandboxId: target.id, verbose: true });
      if (status === undefined) throw notFound("pod", word);
      return { kind: "pod", status: protoJson(PodSandboxStatusSchema, status), info: parseInfo(info) };
    }
  }
}

async function targetOrUndefined(daemon: DaemonClient, word: string): Promise<Target | undefined> {
  try {
    return await resolveTarget(daemon, word);
  } catch (error) {
    if (CribError.is(error, "not-found")) return undefined;
    throw error;
  }
}

async function describeImage(daemon: DaemonClient, word: string): Promise<unknown> {
  const { image, info } = await daemon.images.imageStatus({ image: { image: word }, verbose: true });
  if (image === undefined) throw notFound("container, pod or image", word);
  return { kind: "image", status: protoJson(ImageSchema, image), info: parseInfo(info) };
}

/** Verbose info maps a name to text that is usually JSON; containerd and crib put one whole object under `info`. */
function parseInfo(info: Readonly<Record<string, string>>): unknown {
  const entries = Object.entries(info).map(([key, text]) => [key, parseIfJson(text)] as const);
  const [only] = entries;
  return entries.length === 1 && only?.[0] === "info" ? only[1] : Object.fromEntries(entries);
}

function parseIfJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
