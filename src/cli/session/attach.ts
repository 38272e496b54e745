import type { Command } from "commander";
import { containerInfo } from "../pods/container-info.ts";
import { resolveContainer } from "../pods/resolve-target.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";
import { runSession } from "./run-session.ts";
import { sessionExitCode } from "./session-exit-code.ts";

interface AttachOptions {
  readonly stdin: boolean;
}

/** `crib attach`: our streams are a running container's. */
export function addAttachVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("attach"))
    .description("join the input and output of a running container; Ctrl-P Ctrl-Q leaves one with a terminal")
    .argument("<container>", "id, id prefix, NAME or POD/NAME")
    .option("--no-stdin", "only look")
    .addHelpText(
      "after",
      examples(
        ["crib attach web", "its output from now on; ends when it ends"],
        ["crib attach --no-stdin web", "without typing into it by accident"],
      ),
    )
    .action(
      daemonVerb<AttachOptions>(cli, async (daemon, [name = ""], options) => {
        const container = await resolveContainer(daemon, name);
        const has = await containerInfo(daemon, container.id);
        const stdin = options.stdin && has.stdin;
        const { url } = await daemon.runtime.attach({
          containerId: container.id,
          tty: has.tty,
          stdin,
          stdout: true,
          stderr: !has.tty,
        });
        using interrupt = interruptSignal(cli.io);
        const outcome = await runSession(cli.io, url, {
          stdin,
          tty: has.tty,
          detachable: true,
          signal: interrupt.signal,
        });
        return sessionExitCode(cli, outcome);
      }),
    );
}
