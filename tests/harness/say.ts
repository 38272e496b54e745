/** A line for the person who runs the suite. */
export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A line about how it goes, apart from the result. */
export function sayProgress(line: string): void {
  process.stderr.write(`${line}\n`);
}
