import type { Command } from "commander";
import { invalidArgument, notFound } from "../../errors/crib-error.ts";
import { humanSize } from "../format/human-size.ts";
import { forEachWord } from "../pods/for-each-word.ts";
import { orNothing } from "../pods/or-nothing.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";

/** Images that come with the executable and are back at its next start: removing them frees nothing. */
const builtin = "crib.local/";

interface RmiOptions {
  readonly unused?: true;
}

/** `crib rmi`: removes images by tag, digest or id. */
export function addRmiVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("rmi"))
    .description("remove images")
    .argument("[image...]", "tags, digests, ids or id prefixes")
    .option(
      "--unused",
      "every image that no container uses, but for pinned and built-in ones, what failed pulls left and what checks set aside",
    )
    .addHelpText(
      "after",
      examples(["crib rmi docker.io/library/busybox:1.36", "one image"], ["crib rmi --unused", "make room"]),
    )
    .action(
      daemonVerb<RmiOptions>(cli, async (daemon, images, options) => {
        if ((images.length === 0) === (options.unused === undefined))
          throw invalidArgument("name images to remove, or give --unused");
        const words = options.unused ? await unusedImages(daemon) : images;
        if (options.unused) await removeLeftovers(cli, daemon);
        return await forEachWord(cli, daemon.address, words, async (image) => {
          const { image: known } = await daemon.images.imageStatus({ image: { image } });
          if (known === undefined) throw notFound("image", image);
          await daemon.images.removeImage({ image: { image } });
          cli.io.stdout.write(`removed ${image}\n`);
        });
      }),
    );
}

/** What failed pulls left. Only crib's own engine knows; another daemon has its own ways. */
async function removeLeftovers(cli: Cli, daemon: DaemonClient): Promise<void> {
  const removed = (await orNothing(daemon.engine.removeLeftovers({})))?.removed ?? [];
  const bytes = removed.reduce((sum, leftover) => sum + leftover.bytes, 0n);
  if (removed.length > 0)
    cli.io.stdout.write(`removed ${humanSize(bytes)} that failed pulls had left or checks had set aside\n`);
}

async function unusedImages(daemon: DaemonClient): Promise<string[]> {
  const [{ images }, { containers }] = await Promise.all([
    daemon.images.listImages({}),
    daemon.runtime.listContainers({}),
  ]);
  const used = new Set(containers.flatMap((container) => [container.imageId, container.imageRef]));
  return images
    .filter((image) => !image.pinned && !used.has(image.id) && !image.repoTags.some((tag) => tag.startsWith(builtin)))
    .map((image) => image.id);
}
