import type { Command } from "commander";
import { type ImportedImage, ImportedImageSchema } from "../../gen/crib/v1/engine_pb.ts";
import { printable } from "../format/printable.ts";
import { protoJson } from "../format/proto-json.ts";
import { shortId } from "../format/short-id.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import { noTimeout } from "../program/client.ts";
import { ExitCode } from "../program/exit-code.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";
import { archiveBytes } from "./archive-bytes.ts";

interface ImportOptions {
  readonly name?: string;
  readonly quiet?: true;
  readonly json?: true;
}

/** `crib images import`: images from a file in place of a registry. */
export function addImagesImportVerb(images: Command, cli: Cli): void {
  withDaemonOptions(images.command("import"))
    .description("take images from an archive: an OCI layout (directory or tar), or what docker save writes")
    .argument("<archive>", "file, directory of an OCI layout, or - for standard input; gzip and zstd are unpacked")
    .option("-n, --name <name>", "what to call the image; or the repository of tags that stand alone in a layout")
    .option("-q, --quiet", "print image ids only")
    .option("--json", "print JSON: each image of the archive, and why one was skipped")
    .addHelpText(
      "after",
      examples(
        ["crib images import app.tar", "what docker save, podman save, skopeo or crib images export wrote"],
        ["docker save app:1 | crib images import -", "from another engine, without a file between"],
        ["crib images import --name reg.example/app ./layout", "an OCI layout that has tags and no names"],
      ),
    )
    .action(
      daemonVerb<ImportOptions>(cli, async (daemon, [place = ""], options) => {
        using interrupt = interruptSignal(cli.io);
        const { signal } = interrupt;
        // Read for the error first: a file that cannot be read is no fault of the daemon's.
        let failure: unknown;
        const requests = async function* () {
          try {
            yield { name: options.name ?? "" };
            for await (const data of archiveBytes(cli.io, place, signal))
              yield { data: data as Uint8Array<ArrayBuffer> };
          } catch (error) {
            failure = error;
            throw error;
          }
        };
        try {
          const imported = await daemon.engine.importImages(requests(), { signal, timeoutMs: noTimeout });
          tell(cli, imported.images, options);
          return ExitCode.ok;
        } catch (error) {
          if (signal.aborted) return ExitCode.interrupted;
          throw failure ?? error;
        }
      }),
    );
}

function tell({ io }: Cli, images: readonly ImportedImage[], { quiet, json }: ImportOptions): void {
  if (json) {
    printJson(
      io,
      images.map((image) => protoJson(ImportedImageSchema, image)),
    );
    return;
  }
  for (const { names, imageId, digest, skipped } of images) {
    if (imageId === "")
      io.stderr.write(`skipped ${names.map(printable)[0] ?? shortId(digest)}: ${printable(skipped)}\n`);
    else if (quiet) io.stdout.write(`${imageId}\n`);
    else if (names.length > 0)
      io.stdout.write(names.map((name) => `imported ${printable(name)}  ${shortId(imageId)}\n`).join(""));
    else
      io.stdout.write(
        `imported ${shortId(imageId)}, which has no name: give it one with crib images tag ${shortId(imageId)} NAME\n`,
      );
  }
}
