import { root } from "./paths.ts";

/** What a finished command said. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command to its end and returns what it printed.
 *
 * @throws {Error} with the command and its output when it fails; a build has no other way to go on.
 */
export async function run(
  command: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Output> {
  const child = Bun.spawn([...command], {
    cwd: options.cwd ?? root,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    ...(options.env === undefined ? {} : { env: { ...options.env } }),
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (code !== 0) throw new Error(`${command.join(" ")}\nended with ${code}\n${stdout}${stderr}`.trimEnd());
  return { stdout, stderr };
}
