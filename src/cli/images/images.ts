import type { Command } from "commander";
import { invalidArgument } from "../../errors/crib-error.ts";
import { type Image, ImageSchema } from "../../gen/runtime/v1/api_pb.ts";
import { addImagesExportVerb } from "../archives/export.ts";
import { addImagesImportVerb } from "../archives/import.ts";
import { humanSize } from "../format/human-size.ts";
import { printable } from "../format/printable.ts";
import { protoJson } from "../format/proto-json.ts";
import { shortId } from "../format/short-id.ts";
import { type Column, printTable } from "../format/table.ts";
import { orNothing } from "../pods/or-nothing.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { addImagesDuVerb } from "./du.ts";
import { showPulls, watchPulls } from "./show-pulls.ts";
import { addImagesTagVerb } from "./tag.ts";
import { addImagesTreeVerb } from "./tree.ts";

interface ImagesOptions {
  readonly digests?: true;
  readonly quiet?: true;
  readonly json?: true;
  readonly all?: true;
  readonly pulling?: true;
  readonly watch?: true;
}

/** One line of the table: an image appears once a tag. */
interface ImageRow {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
  readonly image: Image;
}

/** `crib images`: what is on disk. */
export function addImagesVerb(program: Command, cli: Cli): void {
  const verb = withDaemonOptions(program.command("images"))
    .description("list images")
    .option("--digests", "also the digests of the manifests")
    .option("-q, --quiet", "print full ids only")
    .option("-a, --all", "also what failed pulls left on the disk and checks set aside, below the table")
    .option("--pulling", "what is on its way instead, also for the kubelet: each layer's bytes, rate and server")
    .option("-w, --watch", "with --pulling: a line for each step as it happens, until Ctrl-C")
    .option("--json", "print JSON, as the CRI names the fields")
    .addHelpText(
      "after",
      examples(
        ["crib images", "all images"],
        ["crib images --all", "what else is on the disk"],
        ["crib images --pulling", "what the kubelet is waiting for"],
        ["crib images --json | jq -r '.[].repoTags[]'", "all tags"],
      ),
    )
    .action(
      daemonVerb<ImagesOptions>(cli, async (daemon, _args, options) => {
        const json = options.json === true;
        if (options.watch && !options.pulling) throw invalidArgument("give --watch together with --pulling");
        if (options.pulling) {
          await (options.watch ? watchPulls : showPulls)(cli, daemon, { json });
          return;
        }
        const { images } = await daemon.images.listImages({});
        if (options.json)
          printJson(
            cli.io,
            images.map((image) => protoJson(ImageSchema, image)),
          );
        else if (options.quiet) cli.io.stdout.write(images.map((image) => `${image.id}\n`).join(""));
        else printTable(cli.io.stdout, imageColumns(options.digests === true), images.flatMap(rowsOf).toSorted(byName));
        if (options.all && !options.json && !options.quiet) await printLeftovers(cli, daemon);
      }),
    );
  for (const add of [addImagesTreeVerb, addImagesDuVerb, addImagesTagVerb, addImagesImportVerb, addImagesExportVerb])
    add(verb, cli);
}

async function printLeftovers(cli: Cli, daemon: DaemonClient): Promise<void> {
  const leftovers = (await orNothing(daemon.engine.listLeftovers({})))?.leftovers ?? [];
  const bytes = leftovers.reduce((sum, leftover) => sum + leftover.bytes, 0n);
  if (leftovers.length === 0) {
    cli.io.stdout.write("\nnothing left of failed pulls and checks\n");
    return;
  }
  cli.io.stdout.write(`\nleft of failed pulls and checks, ${humanSize(bytes)}; crib rmi --unused deletes it\n`);
  printTable(
    cli.io.stdout,
    [
      { title: "KIND", value: ({ kind }) => printable(kind) },
      { title: "DIGEST", value: ({ digest }) => shortId(digest) },
      { title: "SIZE", value: (leftover) => humanSize(leftover.bytes), align: "right" },
    ],
    leftovers,
  );
}

function imageColumns(digests: boolean): Column<ImageRow>[] {
  return [
    { title: "REPOSITORY", value: (row) => row.repository },
    { title: "TAG", value: (row) => row.tag },
    ...(digests ? [{ title: "DIGEST", value: (row: ImageRow) => row.digest }] : []),
    { title: "IMAGE", value: (row) => shortId(row.image.id) },
    { title: "SIZE", value: (row) => humanSize(row.image.size), align: "right" },
    { title: "PINNED", value: (row) => (row.image.pinned ? "yes" : "") },
  ];
}

function rowsOf(image: Image): ImageRow[] {
  const digestOf = new Map(image.repoDigests.map((reference) => splitAt(reference, reference.indexOf("@"))));
  if (image.repoTags.length > 0) {
    return image.repoTags.map((reference) => {
      const [repository, tag] = splitAt(reference, reference.lastIndexOf(":"));
      return { repository, tag, digest: digestOf.get(repository) ?? "<none>", image };
    });
  }
  if (digestOf.size === 0) return [{ repository: "<none>", tag: "<none>", digest: "<none>", image }];
  return [...digestOf].map(([repository, digest]) => ({ repository, tag: "<none>", digest, image }));
}

function splitAt(text: string, at: number): [string, string] {
  return at < 0 ? [text, "<none>"] : [text.slice(0, at), text.slice(at + 1)];
}

function byName(a: ImageRow, b: ImageRow): number {
  return a.repository.localeCompare(b.repository) || a.tag.localeCompare(b.tag);
}
