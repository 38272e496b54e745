import { candidatesCommand, type VerbDescription } from "./describe-verbs.ts";

/** A zsh completion function over `_describe` and `compadd`. */
export function zshCompletion(verbs: readonly VerbDescription[]): string {
  const names = verbs.map((verb) => `    ${quote(`${verb.name}:${verb.summary.replaceAll(":", "\\:")}`)}`);
  const cases = verbs.map((verb) => {
    const options = verb.options
      .map((option) => quote(`${option.flag}:${option.summary.replaceAll(":", "\\:")}`))
      .join(" ");
    const words =
      verb.completes === undefined ? verb.words.join(" ") : `\${(f)"$(${candidatesCommand(verb.completes)})"}`;
    return `    ${verb.name}) options=(${options}); candidates=(${words}) ;;`;
  });
  return `#compdef crib
# zsh completion for crib, made by \`crib completion zsh\`
_crib() {
  local -a verbs options candidates
  verbs=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  case "$words[2]" in
${cases.join("\n")}
  esac
  if [[ $PREFIX == -* ]]; then
    _describe option options
  elif (( \${#candidates} )); then
    compadd -a candidates
  else
    _files
  fi
}
_crib "$@"
`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
