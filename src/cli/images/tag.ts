import type { Command } from "commander";
import { printable } from "../format/printable.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";

/** `crib images tag`: one more name for an image. */
export function addImagesTagVerb(images: Command, cli: Cli): void {
  withDaemonOptions(images.command("tag"))
    .description("give an image more names; a name that another image has moves over")
    .argument("<image>", "tag, digest, id or id prefix")
    .argument("<name...>", "names; without a tag, `latest`")
    .addHelpText("after", examples(["crib images tag 3f2a9c1b reg.example/app:stable", "name an imported image"]))
    .action(
      daemonVerb(cli, async (daemon, [image = "", ...names]) => {
        for (const name of names) {
          const tagged = await daemon.engine.tagImage({ image, name });
          cli.io.stdout.write(`tagged ${printable(tagged.name)}\n`);
        }
        return undefined;
      }),
    );
}
