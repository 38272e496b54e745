import { candidatesCommand, type VerbDescription } from "./describe-verbs.ts";

/** A bash completion function: verbs first, then the verb's options, words and candidates. */
export function bashCompletion(verbs: readonly VerbDescription[]): string {
  const cases = verbs.map((verb) => {
    const flags = [...verb.options.map((option) => option.flag), "--help"].join(" ");
    const candidates = candidatesCommand(verb.completes);
    const words = candidates === "" ? verb.words.join(" ") : `$(${candidates})`;
    return `    ${verb.name}) if [[ $current == -* ]]; then words="${flags}"; else words="${words}"; fi ;;`;
  });
  return `# bash completion for crib, made by \`crib completion bash\`
_crib() {
  local current="\${COMP_WORDS[COMP_CWORD]}" verb="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) verb="$word"; break ;; esac
  done
  if [[ $verb == run && \${COMP_WORDS[COMP_CWORD-1]} == --runtime ]]; then verb="runtimes -q"; fi
  case "$verb" in
    "runtimes -q") words="$(crib runtimes -q 2>/dev/null)" ;;
    "") words="${verbs.map((verb) => verb.name).join(" ")} help --help --version" ;;
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ \${#COMPREPLY[@]} -eq 0 ]] && compopt -o default
  type __ltrim_colon_completions >/dev/null 2>&1 && __ltrim_colon_completions "$current"
  return 0
}
complete -F _crib crib
`;
}
