import type { Command } from "commander";

/** What a shell needs to know of one verb. */
export interface VerbDescription {
  readonly name: string;
  readonly summary: string;
  /** Long options with their `--`, and what they do. */
  readonly options: readonly { readonly flag: string; readonly summary: string }[];
  /** Words that may follow, such as `config default`. */
  readonly words: readonly string[];
  /** What its arguments name, for asking the daemon; undefined when they are something else. */
  readonly completes: "container" | "pod-or-container" | "image" | undefined;
}

const completes: Readonly<Record<string, VerbDescription["completes"]>> = {
  exec: "container",
  logs: "container",
  stop: "pod-or-container",
  rm: "pod-or-container",
  stats: "pod-or-container",
  inspect: "pod-or-container",
  history: "image",
  run: "image",
  rmi: "image",
};

/** Walks the program's commands: what is offered is what there is. */
export function describeVerbs(program: Command): readonly VerbDescription[] {
  return program.commands.map((command) => ({
    name: command.name(),
    summary: command.description(),
    options: command.options
      .filter((option) => !option.hidden && option.long)
      .map((option) => ({ flag: option.long ?? "", summary: option.description })),
    words: [
      ...command.commands.map((child) => child.name()),
      ...command.registeredArguments.flatMap((argument) => argument.argChoices ?? []),
    ],
    completes: completes[command.name()],
  }));
}

/** The command that lists candidates for a verb's arguments. A machine without a daemon offers none, quietly. */
export function candidatesCommand(kind: VerbDescription["completes"]): string {
  switch (kind) {
    case "container":
      return "crib ps -a -q 2>/dev/null";
    case "pod-or-container":
      return "{ crib ps -a -q; crib pods -q; } 2>/dev/null";
    case "image":
      return 'crib images 2>/dev/null | awk \'NR > 1 && $2 != "<none>" { print $1 ":" $2 }\'';
    case undefined:
      return "";
  }
}
