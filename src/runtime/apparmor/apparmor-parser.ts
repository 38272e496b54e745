import { existsSync } from "node:fs";
import { join } from "node:path";
import { giveInput } from "../../kernel/process/give-input.ts";

/** Where distributions put it, below the root. */
export const apparmorParserPaths = ["usr/sbin", "sbin", "usr/local/sbin", "usr/bin"].map(
  (directory) => `${directory}/apparmor_parser`,
);
const loadTimeoutMs = 30_000;

/** The parser's path; undefined where the host has none. */
export function findApparmorParser(hostRoot: string): string | undefined {
  return apparmorParserPaths.map((path) => join(hostRoot, path)).find((path) => existsSync(path));
}

/** Loads a profile. @returns what the parser said, when it did not load it. */
export async function loadApparmorProfile(parser: string, text: string): Promise<string | undefined> {
  try {
    const child = Bun.spawn([parser, "--replace", "--skip-cache", "--quiet"], {
      cwd: "/",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
      stdin: "pipe",
      stdout: "ignore",
      stderr: "pipe",
      timeout: loadTimeoutMs,
      killSignal: "SIGKILL",
    });
    const [said, exitCode] = await Promise.all([
      new Response(child.stderr).text(),
      child.exited,
      giveInput(child.stdin, new TextEncoder().encode(text)),
    ]);
    return exitCode === 0 ? undefined : `exit code ${exitCode}: ${said.trim().slice(0, 500)}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
