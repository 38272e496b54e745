import type { Command } from "commander";
import { type Container, ContainerSchema, ContainerState } from "../../gen/runtime/v1/api_pb.ts";
import { humanAge } from "../format/human-age.ts";
import { protoJson } from "../format/proto-json.ts";
import { shortId } from "../format/short-id.ts";
import { containerStateNames } from "../format/state-name.ts";
import { printTable } from "../format/table.ts";
import { collect } from "../parse/collect.ts";
import { parseLabels } from "../parse/label-selector.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import { type Inventory, listInventory } from "./inventory.ts";
import { resolvePod } from "./resolve-target.ts";

interface PsOptions {
  readonly all?: true;
  readonly pod?: string;
  readonly label?: readonly string[];
  readonly quiet?: true;
  readonly json?: true;
}

/** `crib ps`: running containers; with --all, those that have ended too. */
export function addPsVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("ps"))
    .description("list containers")
    .option("-a, --all", "also those that are not running")
    .option("-p, --pod <pod>", "only those of this pod (id, id prefix or name)")
    .option("-l, --label <key=value>", "only those with this label; repeat for several", collect)
    .option("-q, --quiet", "print full ids only")
    .option("--json", "print JSON, as the CRI names the fields")
    .addHelpText(
      "after",
      examples(
        ["crib ps", "what runs now"],
        ["crib ps -a --label io.kubernetes.pod.namespace=kube-system", "everything of a namespace, ended or not"],
        ["crib ps -q | xargs -n1 crib stop", "stop everything"],
      ),
    )
    .action(
      daemonVerb<PsOptions>(cli, async (daemon, _args, options) => {
        const inventory = await listInventory(daemon, { labelSelector: parseLabels(options.label ?? []) });
        const pod = options.pod === undefined ? undefined : await resolvePod(daemon, options.pod);
        const rows = inventory.containers.filter(
          (container) =>
            (options.all || container.state === ContainerState.CONTAINER_RUNNING) &&
            (pod === undefined || container.podSandboxId === pod.id),
        );
        if (options.json)
          printJson(
            cli.io,
            rows.map((row) => protoJson(ContainerSchema, row)),
          );
        else if (options.quiet) cli.io.stdout.write(rows.map((row) => `${row.id}\n`).join(""));
        else
          printContainers(cli, rows, pod === undefined ? await listInventory(daemon) : { ...inventory, pods: [pod] });
      }),
    );
}

function printContainers(cli: Cli, rows: readonly Container[], { pods }: Inventory): void {
  const now = cli.io.clock.now();
  const podNames = new Map(pods.map((pod) => [pod.id, `${pod.metadata?.namespace}/${pod.metadata?.name}`]));
  printTable(
    cli.io.stdout,
    [
      { title: "CONTAINER", value: (row) => shortId(row.id) },
      { title: "NAME", value: (row) => row.metadata?.name ?? "" },
      { title: "STATE", value: (row) => containerStateNames[row.state] },
      { title: "AGE", value: (row) => humanAge(row.createdAt, now), align: "right" },
      { title: "RESTARTS", value: (row) => String(row.metadata?.attempt ?? 0), align: "right" },
      { title: "IMAGE", value: (row) => row.image?.userSpecifiedImage || row.image?.image || shortId(row.imageRef) },
      { title: "POD", value: (row) => podNames.get(row.podSandboxId) ?? shortId(row.podSandboxId) },
    ],
    rows,
  );
}
