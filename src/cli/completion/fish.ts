import { candidatesCommand, type VerbDescription } from "./describe-verbs.ts";

/** fish's `complete` lines: one a verb, one an option, one for each verb with candidates. */
export function fishCompletion(verbs: readonly VerbDescription[]): string {
  const names = verbs.map((verb) => verb.name).join(" ");
  const lines = verbs.flatMap((verb) => {
    const seen = `-n '__fish_seen_subcommand_from ${verb.name}'`;
    const candidates =
      verb.completes === undefined ? verb.words.join(" ") : `(sh -c ${quote(candidatesCommand(verb.completes))})`;
    return [
      `complete -c crib -f -n 'not __fish_seen_subcommand_from ${names}' -a ${verb.name} -d ${quote(verb.summary)}`,
      ...verb.options.map(
        (option) => `complete -c crib ${seen} -l ${option.flag.slice(2)} -d ${quote(option.summary)}`,
      ),
      ...(candidates === "" ? [] : [`complete -c crib -f ${seen} -a ${quote(candidates)}`]),
    ];
  });
  return `# fish completion for crib, made by \`crib completion fish\`\n${lines.join("\n")}\n`;
}

/** fish single quotes: only the quote and the backslash are special in them. */
function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
