import { invalidArgument } from "../../errors/crib-error.ts";
import type { EnvironmentVariable } from "../../spec/container-spec.ts";

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface EnvironmentInput {
  readonly hostname: string;
  readonly terminal: boolean;
  /** `NAME=value` strings of the image. */
  readonly image: readonly string[];
  readonly requested: readonly EnvironmentVariable[];
  /** HOME of the user, when neither image nor request sets one. */
  readonly home: string;
}

/**
 * `NAME=value` strings; later sources win by name and keep the place of the first: defaults, the image's, the request's.
 *
 * @throws {CribError} invalid-argument for a name that is empty or holds `=` or NUL, or a value with NUL.
 */
export function buildEnvironment(input: EnvironmentInput): readonly string[] {
  const values = new Map<string, string>([["PATH", defaultPath]]);
  if (input.terminal) values.set("TERM", "xterm");
  if (input.hostname !== "") values.set("HOSTNAME", input.hostname);
  for (const entry of input.image) {
    const split = entry.indexOf("=");
    // An image may carry "NAME" alone; there is nothing to set, and docker drops it too.
    if (split > 0 && !entry.includes("\0")) values.set(entry.slice(0, split), entry.slice(split + 1));
  }
  for (const { key, value } of input.requested) values.set(checkName(key), checkValue(key, value));
  if (!values.has("HOME")) values.set("HOME", input.home);
  return [...values].map(([name, value]) => `${name}=${value}`);
}

function checkName(name: string): string {
  if (name === "" || name.includes("=") || name.includes("\0")) {
    throw invalidArgument(
      `environment variable name ${JSON.stringify(name.slice(0, 80))} is empty or contains "=" or NUL`,
    );
  }
  return name;
}

function checkValue(name: string, value: string): string {
  if (value.includes("\0"))
    throw invalidArgument(`environment variable ${JSON.stringify(name.slice(0, 80))} contains a NUL byte`);
  return value;
}
