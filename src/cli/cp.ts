import { resolve as resolvePath } from "node:path";
import type { Command } from "commander";
import { invalidArgument } from "../errors/crib-error.ts";
import { O_DIRECTORY, O_PATH } from "../kernel/open-flags.ts";
import { OwnedFd } from "../kernel/owned-fd.ts";
import type { FileCalls } from "../kernel/port.ts";
import { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../kernel/resolve-flags.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "./cli.ts";
import type { DaemonClient } from "./client.ts";
import { runningPid } from "./container-info.ts";
import { copyPlace } from "./cp/copy-place.ts";
import type { CopyReport } from "./cp/copy-tree.ts";
import type { Place } from "./cp/place.ts";
import { humanSize } from "./format/human-size.ts";
import { resolveContainer } from "./resolve-target.ts";

interface CpOptions {
  readonly archive?: true;
  readonly quiet?: true;
}

/** One side as it is written: a path of ours, or `CONTAINER:PATH`. */
type Side = { readonly container?: string; readonly path: string };

/** `crib cp`: files into and out of a running container, whatever tools its image has. */
export function addCpVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("cp"))
    .description("copy files into or out of a running container; its image needs no tar")
    .argument("<from>", "PATH here or CONTAINER:PATH; with /. at its end what is in it")
    .argument("<to>", "CONTAINER:PATH or PATH here; into it when it is a directory")
    .option("-a, --archive", "keep numeric owners and set-id bits; without it root, or who copies, owns the copy")
    .option("-q, --quiet", "do not say what was copied")
    .addHelpText(
      "after",
      examples(
        ["crib cp web:/etc/nginx .", "a directory out of a container"],
        ["crib cp site/. web:/usr/share/nginx/html", "what is in a directory, into one"],
        ["crib cp ./a:b web:/tmp/", "a path of ours with a colon in it begins with ./ or /"],
      ),
    )
    .action(
      daemonVerb<CpOptions>(cli, async (daemon, [fromText = "", toText = ""], options) => {
        const from = parseSide(fromText);
        const to = parseSide(toText);
        if ((from.container === undefined) === (to.container === undefined))
          throw invalidArgument("one side of a copy is CONTAINER:PATH, the other a path of this machine");
        const kernel = cli.io.kernel();
        using stack = new DisposableStack();
        const source = await openSide(kernel, daemon, from, fromText, stack);
        const target = await openSide(kernel, daemon, to, toText, stack);
        const report = copyPlace(kernel, source, target, { archive: options.archive === true });
        for (const path of report.skipped)
          cli.io.stderr.write(`crib: ${path} is no file, directory or link: left out\n`);
        if (!options.quiet) cli.io.stderr.write(`${summary(report)}\n`);
        return 0;
      }),
    );
}

/** A path that begins with `.` or `/` is ours even with a colon in it, as with docker and scp. */
export function parseSide(text: string): Side {
  const at = text.indexOf(":");
  if (at <= 0 || text.startsWith("/") || text.startsWith(".")) return { path: text };
  const path = text.slice(at + 1);
  if (path === "") throw invalidArgument(`${JSON.stringify(text)} names no path after its colon`);
  return { container: text.slice(0, at), path };
}

/**
 * The container's root as its first process sees it, volumes included. Looked at twice: a pid that was given to another
 * process meanwhile does not belong to the container any more.
 */
async function openSide(
  kernel: FileCalls,
  daemon: DaemonClient,
  side: Side,
  shown: string,
  stack: DisposableStack,
): Promise<Place> {
  if (side.container === undefined) {
    const slash = /\/\.?$/.test(side.path) ? side.path.slice(side.path.lastIndexOf("/")) : "";
    const root = stack.use(new OwnedFd(kernel, kernel.open("/", O_PATH | O_DIRECTORY)));
    return { root: root.fd, resolve: 0, path: resolvePath(side.path) + slash, shown };
  }
  const { id } = await resolveContainer(daemon, side.container);
  const pid = await runningPid(daemon, id);
  const root = stack.use(new OwnedFd(kernel, kernel.open(`/proc/${pid}/root`, O_PATH | O_DIRECTORY)));
  if ((await runningPid(daemon, id)) !== pid) throw invalidArgument(`container ${id} was restarted: try again`);
  return { root: root.fd, resolve: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS, path: side.path, shown };
}

function summary({ files, bytes }: CopyReport): string {
  return `${files} ${files === 1 ? "file" : "files"}, ${humanSize(bytes)}`;
}
