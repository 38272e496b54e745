import type { RuntimeSpec, SpecProcess } from "../runtime-spec.ts";
import { checkCommand } from "./command.ts";

/**
 * The process of an exec: the container's user, groups, environment, directory, capabilities, labels and limits with another
 * command. With a terminal TERM is set unless the container has one.
 *
 * @throws {CribError} invalid-argument for an empty command or NUL bytes.
 */
export function buildExecProcess(
  spec: RuntimeSpec,
  command: readonly string[],
  options: { readonly terminal: boolean },
): SpecProcess {
  const { env } = spec.process;
  const needsTerm = options.terminal && !env.some((entry) => entry.startsWith("TERM="));
  return {
    ...spec.process,
    args: checkCommand(command),
    env: needsTerm ? [...env, "TERM=xterm"] : env,
    terminal: options.terminal,
  };
}
