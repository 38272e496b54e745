import type { Command } from "commander";
import { invalidArgument } from "../../errors/crib-error.ts";
import { type Cli, daemonVerb, examples, printJson, withDaemonOptions } from "../program/cli.ts";
import { ExitCode } from "../program/exit-code.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";
import { pullImage } from "./pull-image.ts";

interface PullOptions {
  readonly username?: string;
  readonly passwordStdin?: true;
  readonly quiet?: true;
  readonly json?: true;
}

/** `crib pull`: fetches images, showing each layer's way. */
export function addPullVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("pull"))
    .description("pull images from their registries")
    .argument("<image...>", "references; `busybox` means docker.io/library/busybox:latest")
    .option("-u, --username <name>", "user of the registry, with --password-stdin")
    .option("--password-stdin", "read the password from standard input, never from the command line")
    .option("-q, --quiet", "print image ids only")
    .option("--json", "print JSON: reference and id of each image")
    .addHelpText(
      "after",
      examples(
        ["crib pull registry.k8s.io/pause:3.10", "with a line for each layer"],
        ["crib pull -u me --password-stdin host:5000/app:1 < secret", "from a registry that asks who you are"],
      ),
    )
    .action(
      daemonVerb<PullOptions>(cli, async (daemon, images, options) => {
        if ((options.username === undefined) !== (options.passwordStdin === undefined)) {
          throw invalidArgument("give --username and --password-stdin together");
        }
        const password = options.passwordStdin ? (await cli.io.readStdin()).replace(/\r?\n$/, "") : "";
        const credentials = { username: options.username ?? "", password };
        const silent = options.quiet === true || options.json === true;
        using interrupt = interruptSignal(cli.io);
        const pulled: { reference: string; id: string }[] = [];
        for (const reference of images) {
          try {
            const id = await pullImage(
              cli.io,
              daemon,
              { reference, ...credentials },
              { silent, signal: interrupt.signal },
            );
            pulled.push({ reference, id });
          } catch (error) {
            if (interrupt.signal.aborted) return ExitCode.interrupted;
            throw error;
          }
          if (!options.json) cli.io.stdout.write(`${pulled.at(-1)?.id}\n`);
        }
        if (options.json) printJson(cli.io, pulled);
        return ExitCode.ok;
      }),
    );
}
