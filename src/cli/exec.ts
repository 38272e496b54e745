import type { Command } from "commander";
import { invalidArgument } from "../errors/crib-error.ts";
import { type Cli, daemonVerb, examples, withDaemonOptions } from "./cli.ts";
import { defaultCallTimeoutMs, noTimeout } from "./client.ts";
import { explainStartError } from "./explain-start-error.ts";
import { parseDuration } from "./parse/duration.ts";
import { resolveContainer } from "./resolve-target.ts";

interface ExecOptions {
  readonly limit?: string;
  readonly interactive?: true;
  readonly tty?: true;
}

/** `crib exec`: one command in a running container, its output when it has ended, its exit code as ours. */
export function addExecVerb(program: Command, cli: Cli): void {
  withDaemonOptions(program.command("exec"))
    .description("run a command in a running container and wait for it (not interactive)")
    .argument("<container>", "id, id prefix, NAME or POD/NAME")
    .argument("<command...>", "the command and its arguments, found through the container's PATH")
    .option("--limit <duration>", "kill the command and all it started after this long")
    .option("-i, --interactive", "not available yet")
    .option("-t, --tty", "not available yet")
    .passThroughOptions()
    .addHelpText(
      "after",
      examples(
        ["crib exec web ls -l /etc", "everything after the container is the command's"],
        ["crib exec --limit 5s web sleep 10", "ends after 5 s"],
      ),
    )
    .action(
      daemonVerb<ExecOptions>(cli, async (daemon, [name = "", ...cmd], options) => {
        if (options.interactive || options.tty) {
          throw invalidArgument("interactive exec is not available yet: run the command without -i and -t");
        }
        const limitMs = options.limit === undefined ? 0 : parseDuration(options.limit);
        const container = await resolveContainer(daemon, name);
        // Whole seconds are all the CRI can say; less than one would mean "no limit".
        const timeout = BigInt(Math.ceil(limitMs / 1000));
        try {
          const answer = await daemon.runtime.execSync(
            { containerId: container.id, cmd: [...cmd], timeout },
            { timeoutMs: limitMs === 0 ? noTimeout : limitMs + defaultCallTimeoutMs },
          );
          cli.io.stdout.write(answer.stdout);
          cli.io.stderr.write(answer.stderr);
          return answer.exitCode;
        } catch (error) {
          return explainStartError(cli, daemon.address, error);
        }
      }),
    );
}
