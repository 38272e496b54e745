import { Argument, type Command } from "commander";
import { type Cli, examples, verb } from "../program/cli.ts";
import { bashCompletion } from "./bash.ts";
import { describeVerbs } from "./describe-verbs.ts";
import { fishCompletion } from "./fish.ts";
import { zshCompletion } from "./zsh.ts";

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

/** `crib completion`: a script for the shell, made from the verbs themselves. */
export function addCompletionVerb(program: Command, cli: Cli): void {
  program
    .command("completion")
    .description("print a completion script for a shell")
    .addArgument(new Argument("<shell>").choices(Object.keys(shells)))
    .addHelpText(
      "after",
      examples(
        ["crib completion bash > /etc/bash_completion.d/crib", "bash"],
        ["crib completion zsh > /usr/share/zsh/vendor-completions/_crib", "zsh"],
        ["crib completion fish > /etc/fish/completions/crib.fish", "fish"],
      ),
    )
    .action(
      verb(cli, ([shell]) => {
        cli.io.stdout.write(shells[shell as keyof typeof shells](describeVerbs(program)));
      }),
    );
}
