import { resolve as resolvePath } from "node:path";
import type { Command } from "commander";
import { failedPrecondition, invalidArgument } from "../../errors/crib-error.ts";
import { O_DIRECTORY, O_PATH } from "../../kernel/open-flags.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import { RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS } from "../../kernel/resolve-flags.ts";
import { humanSize } from "../format/human-size.ts";
import { printable } from "../format/printable.ts";
import { runningPid } from "../pods/container-info.ts";
import { resolveContainer } from "../pods/resolve-target.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { copyPlace } from "./copy-place.ts";
import type { CopyReport, Owner } from "./copy-tree.ts";
import { IdMap } from "./id-map.ts";
import type { Place } from "./place.ts";

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
    .option(
      "-a, --archive",
      "keep numeric owners and set-id bits; without it the container's root, or who copies, owns the copy",
    )
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
        const source = await openSide(cli, daemon, from, fromText, stack);
        const target = await openSide(cli, daemon, to, toText, stack);
        const archive = options.archive === true;
        const report = copyPlace(kernel, source.place, target.place, {
          archive,
          ownerOf: (owner) => {
            if (to.container !== undefined) return ownerInside(target.ids, archive ? owner : containerRoot);
            return archive ? ownerOutside(source.ids, owner) : undefined;
          },
        });
        for (const path of report.skipped)
          cli.io.stderr.write(`crib: ${printable(path)} is no file, directory or link: left out\n`);
        if (!options.quiet) cli.io.stderr.write(`${summary(report)}\n`);
        return 0;
      }),
    );
}

/** Both kinds of ids of one container; of our own side, which maps nothing, too. */
interface IdMaps {
  readonly uids: IdMap;
  readonly gids: IdMap;
}

const containerRoot: Owner = { uid: 0, gid: 0 };
/** What the kernel shows for an id that has no name in a user namespace. */
const nobody = 65_534;

function ownerInside({ uids, gids }: IdMaps, { uid, gid }: Owner): Owner {
  const mapped = { uid: uids.toHost(uid), gid: gids.toHost(gid) };
  if (mapped.uid === undefined || mapped.gid === undefined)
    throw failedPrecondition(
      `owner ${uid}:${gid} does not exist in the container's user namespace: leave out --archive`,
    );
  return { uid: mapped.uid, gid: mapped.gid };
}

function ownerOutside({ uids, gids }: IdMaps, { uid, gid }: Owner): Owner {
  return { uid: uids.toContainer(uid) ?? nobody, gid: gids.toContainer(gid) ?? nobody };
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
  { io }: Cli,
  daemon: DaemonClient,
  side: Side,
  shown: string,
  stack: DisposableStack,
): Promise<{ readonly place: Place; readonly ids: IdMaps }> {
  const kernel = io.kernel();
  if (side.container === undefined) {
    const slash = /\/\.?$/.test(side.path) ? side.path.slice(side.path.lastIndexOf("/")) : "";
    const root = stack.use(new OwnedFd(kernel, kernel.open("/", O_PATH | O_DIRECTORY)));
    const place = { root: root.fd, resolve: 0, path: resolvePath(side.path) + slash, shown };
    return { place, ids: { uids: new IdMap(undefined), gids: new IdMap(undefined) } };
  }
  const { id } = await resolveContainer(daemon, side.container);
  const pid = await runningPid(daemon, id);
  const root = stack.use(new OwnedFd(kernel, kernel.open(`/proc/${pid}/root`, O_PATH | O_DIRECTORY)));
  const ids = {
    uids: new IdMap(io.host.readText(`/proc/${pid}/uid_map`)),
    gids: new IdMap(io.host.readText(`/proc/${pid}/gid_map`)),
  };
  if ((await runningPid(daemon, id)) !== pid) throw failedPrecondition(`container ${id} was restarted: try again`);
  const resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return { place: { root: root.fd, resolve, path: side.path, shown }, ids };
}

function summary({ files, bytes }: CopyReport): string {
  return `${files} ${files === 1 ? "file" : "files"}, ${humanSize(bytes)}`;
}
