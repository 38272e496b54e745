import type { Cli } from "../program/cli.ts";
import { ExitCode } from "../program/exit-code.ts";
import { explainError } from "../program/explain-error.ts";

/**
 * Does `work` for each word in turn; a failure is told on stderr and the others go on, as `rm` does.
 * @returns the exit code: that of the first failure, else success.
 */
export async function forEachWord(
  cli: Cli,
  address: string,
  words: readonly string[],
  work: (word: string) => Promise<void>,
): Promise<number> {
  let exitCode: number = ExitCode.ok;
  for (const word of words) {
    try {
      await work(word);
    } catch (error) {
      const explanation = explainError(error, address);
      cli.io.stderr.write(`crib: ${explanation.message}\n`);
      if (explanation.exitCode === ExitCode.unreachable) return explanation.exitCode;
      exitCode ||= explanation.exitCode;
    }
  }
  return exitCode;
}
