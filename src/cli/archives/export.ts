import { constants } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import type { Command } from "commander";
import { invalidArgument } from "../../errors/crib-error.ts";
import { humanSize } from "../format/human-size.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import { type DaemonClient, noTimeout } from "../program/client.ts";
import { ExitCode } from "../program/exit-code.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";

interface ExportOptions {
  readonly output: string;
  readonly rebuild?: true;
  readonly json?: true;
}

/** `crib images export`: images into a file that other engines and registries take. */
export function addImagesExportVerb(images: Command, cli: Cli): void {
  withDaemonOptions(images.command("export"))
    .description(
      "write images to a tar: an OCI layout with the digests they were pulled with, which docker load reads too",
    )
    .argument("<image...>", "tags, digests, ids or id prefixes")
    .requiredOption("-o, --output <file>", "file to write, or - for standard output")
    .option("--rebuild", "where a compressed layer is not kept: write it uncompressed, under another manifest digest")
    .option("--json", "print JSON: file and bytes (not with -o -)")
    .addHelpText(
      "after",
      examples(
        ["crib images export -o app.tar reg.example/app:1", "for a node without a network: crib images import app.tar"],
        ["crib images export -o - app:1 | docker load", "into another engine"],
      ),
    )
    .action(
      daemonVerb<ExportOptions>(cli, async (daemon, words, options) => {
        using interrupt = interruptSignal(cli.io);
        const { signal } = interrupt;
        const { output } = options;
        if (output === "-" && cli.io.stdout.isTerminal)
          throw invalidArgument("standard output is a terminal: name a file with -o, or send it somewhere");
        const request = { images: [...words], rebuild: options.rebuild === true };
        const pieces = piecesOf(daemon, request, signal);
        try {
          if (output === "-") return await toOutput(cli, pieces);
          const bytes = await toFile(output, pieces);
          if (options.json) printJson(cli.io, { file: output, bytes });
          else
            cli.io.stdout.write(
              `wrote ${words.length === 1 ? "1 image" : `${words.length} images`} to ${output}, ${humanSize(bytes)}\n`,
            );
          return ExitCode.ok;
        } catch (error) {
          if (signal.aborted) return ExitCode.interrupted;
          throw error;
        }
      }),
    );
}

async function* piecesOf(
  daemon: DaemonClient,
  request: { readonly images: string[]; readonly rebuild: boolean },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for await (const { data } of daemon.engine.exportImages(request, { signal, timeoutMs: noTimeout })) yield data;
}

async function toOutput({ io }: Cli, pieces: AsyncIterable<Uint8Array>): Promise<number> {
  for await (const piece of pieces) {
    io.stdout.write(piece);
    await io.stdout.flush();
    if (io.stdout.closed) return ExitCode.failure;
  }
  return ExitCode.ok;
}

/** Under another name until it is whole: what is called `path` is never half of an archive. */
async function toFile(path: string, pieces: AsyncIterable<Uint8Array>): Promise<number> {
  const aside = `${path}.part`;
  const file = await openNew(aside, path);
  let bytes = 0;
  try {
    for await (const piece of pieces) {
      await file.writeFile(piece);
      bytes += piece.length;
    }
    await file.sync();
  } catch (error) {
    await file.close();
    await rm(aside, { force: true });
    throw error;
  }
  await file.close();
  await rename(aside, path);
  return bytes;
}

async function openNew(aside: string, path: string): Promise<FileHandle> {
  try {
    return await open(aside, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW, 0o600);
  } catch (error) {
    throw invalidArgument(`cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}
