/** One challenge of a WWW-Authenticate header (RFC 9110 §11.6.1); parameter names are lower case. */
export interface AuthChallenge {
  readonly scheme: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const maxHeaderLength = 16 * 1024;

/** Parses the header's list of challenges; what does not parse ends the list. */
export function parseChallenges(header: string): readonly AuthChallenge[] {
  if (header.length > maxHeaderLength) return [];
  const challenges: AuthChallenge[] = [];
  // A name before "=" is a parameter, a name before a blank or the end opens a challenge.
  const token = /[\s,]*([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/y;
  let parameters = new Map<string, string>();
  for (let match = token.exec(header); match !== null; match = token.exec(header)) {
    const name = (match[1] ?? "").toLowerCase();
    const value = match[2] === undefined ? match[3] : match[2].replace(/\\(.)/g, "$1");
    if (value === undefined) {
      parameters = new Map();
      challenges.push({ scheme: name, parameters });
    } else if (!parameters.has(name)) parameters.set(name, value);
  }
  return challenges;
}
