import type { Command } from "commander";
import { failedPrecondition, invalidArgument } from "../../errors/crib-error.ts";
import type { Container } from "../../gen/runtime/v1/api_pb.ts";
import { parseDuration } from "../parse/duration.ts";
import { resolveContainer } from "../pods/resolve-target.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "../program/cli.ts";
import type { DaemonClient } from "../program/client.ts";
import { defaultCallTimeoutMs } from "../program/client.ts";
import { ExitCode } from "../program/exit-code.ts";
import { explainStartError } from "../program/explain-start-error.ts";
import { interruptSignal } from "../program/interrupt-signal.ts";
import { runSession } from "./run-session.ts";
import { sessionExitCode } from "./session-exit-code.ts";

interface ExecOptions {
  readonly limit?: string;
  readonly interactive?: true;
  readonly tty?: true;
}

/** `crib exec`: one command in a running container, its streams ours, its exit code ours. */
export function addExecVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("exec"))
    .description("run a command in a running container")
    .argument("<container>", "id, id prefix, NAME or POD/NAME")
    .argument("<command...>", "the command and its arguments, found through the container's PATH")
    .option("-i, --interactive", "pass our standard input on to it")
    .option("-t, --tty", "give it a terminal")
    .option("--limit <duration>", "kill the command and all it started after this long; not with -i or -t")
    .passThroughOptions()
    .addHelpText(
      "after",
      examples(
        ["crib exec -it web sh", "a shell"],
        ["crib exec web ls -l /etc", "everything after the container is the command's"],
        ["crib exec -i web sh -c 'cat >/tmp/x' <x", "input from a file"],
        ["crib exec --limit 5s web sleep 10", "ends after 5 s"],
      ),
    )
    .action(
      daemonVerb<ExecOptions>(cli, async (daemon, [name = "", ...cmd], options) => {
        const stdin = options.interactive === true;
        const tty = options.tty === true;
        if (options.limit !== undefined && (stdin || tty))
          throw invalidArgument("--limit cannot be had with -i or -t: end the session yourself");
        if (tty && stdin && !cli.io.stdin.isTerminal)
          throw failedPrecondition("-t needs a terminal as standard input: leave it out, or -i");
        const container = await resolveContainer(daemon, name);
        try {
          if (options.limit !== undefined) return await execWithin(cli, daemon, container, cmd, options.limit);
          const { url } = await daemon.runtime.exec({
            containerId: container.id,
            cmd: [...cmd],
            tty,
            stdin,
            stdout: true,
            stderr: !tty,
          });
          using interrupt = interruptSignal(cli.io);
          const outcome = await runSession(cli.io, url, { stdin, tty, detachable: false, signal: interrupt.signal });
          return interrupt.signal.aborted ? ExitCode.interrupted : sessionExitCode(cli, outcome);
        } catch (error) {
          return explainStartError(cli, daemon.address, error);
        }
      }),
    );
}

/** Whole seconds are all the CRI can say of a limit; less than one would mean none. */
async function execWithin(
  cli: Cli,
  daemon: DaemonClient,
  { id }: Container,
  cmd: readonly string[],
  limit: string,
): Promise<number> {
  const limitMs = parseDuration(limit);
  const answer = await daemon.runtime.execSync(
    { containerId: id, cmd: [...cmd], timeout: BigInt(Math.ceil(limitMs / 1000)) },
    { timeoutMs: limitMs + defaultCallTimeoutMs },
  );
  cli.io.stdout.write(answer.stdout);
  cli.io.stderr.write(answer.stderr);
  return answer.exitCode;
}
