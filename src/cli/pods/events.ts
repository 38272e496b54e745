import type { Command } from "commander";
import { ContainerEventResponseSchema, ContainerEventType } from "../../gen/runtime/v1/api_pb.ts";
import { jsonText } from "../format/json-text.ts";
import { printable } from "../format/printable.ts";
import { protoJson } from "../format/proto-json.ts";
import { shortId } from "../format/short-id.ts";
import { rfc3339Nanos } from "../format/timestamp.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";
import { noTimeout } from "../program/client.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";

interface EventsOptions {
  readonly json?: true;
}

const eventNames = {
  [ContainerEventType.CONTAINER_CREATED_EVENT]: "created",
  [ContainerEventType.CONTAINER_STARTED_EVENT]: "started",
  [ContainerEventType.CONTAINER_STOPPED_EVENT]: "stopped",
  [ContainerEventType.CONTAINER_DELETED_EVENT]: "deleted",
} as const satisfies Record<ContainerEventType, string>;

/** `crib events`: changes as they happen, until Ctrl-C. */
export function addEventsVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("events"))
    .description("print changes of pods and containers as they happen")
    .option("--json", "one JSON object a line, as the CRI names the fields")
    .addHelpText(
      "after",
      examples(["crib events", "until Ctrl-C"], ["crib events --json | jq .containerEventType", "for scripts"]),
    )
    .action(
      daemonVerb<EventsOptions>(cli, async (daemon, _args, options) => {
        using interrupt = interruptSignal(cli.io);
        const { signal } = interrupt;
        try {
          for await (const event of daemon.runtime.getContainerEvents({}, { signal, timeoutMs: noTimeout })) {
            if (options.json) {
              cli.io.stdout.write(jsonText(protoJson(ContainerEventResponseSchema, event)));
            } else {
              const pod = event.podSandboxStatus;
              const what = event.containerId === pod?.id ? "pod" : "container";
              const name = printable(`${pod?.metadata?.namespace}/${pod?.metadata?.name}`);
              const at = rfc3339Nanos(event.createdAt);
              cli.io.stdout.write(
                `${at} ${eventNames[event.containerEventType]} ${what} ${shortId(event.containerId)} (${name})\n`,
              );
            }
            await cli.io.stdout.flush();
            if (cli.io.stdout.closed) return;
          }
        } catch (error) {
          if (!signal.aborted) throw error;
        }
      }),
    );
}
