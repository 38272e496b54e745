import { accessSync, constants, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";

const root = join(import.meta.dir, "../..");
/** Where Go's own archive and Debian put it, for a PATH that names neither. */
const goPlaces = ["/usr/local/go/bin", "/usr/lib/go/bin"];
const LIMIT_MS = 15 * 60_000;

/**
 * Runs `go` with `args` in `directory`. @throws {Error} with its standard error unless it succeeds within a quarter of an hour.
 */
export function goCommand(
  args: readonly string[],
  directory: string,
  env: Readonly<Record<string, string>> = { CGO_ENABLED: "0" },
): void {
  process.stdout.write(runGo(args, directory, env));
}

/** What `go` says on standard output, without the last newline. @throws as `goCommand` does. */
export function goOutput(args: readonly string[], directory: string): string {
  return runGo(args, directory, { CGO_ENABLED: "0" }).trimEnd();
}

function runGo(args: readonly string[], directory: string, env: Readonly<Record<string, string>>): string {
  const go = Bun.which("go", { PATH: [process.env.PATH ?? "", ...goPlaces].join(delimiter) });
  if (go === null) throw new Error("there is no go: install Go 1.26 or later from https://go.dev/dl");
  const { exitCode, stdout, stderr } = Bun.spawnSync([go, ...args], {
    cwd: directory,
    env: { ...process.env, ...cacheSettings(), ...env },
    stdout: "pipe",
    stderr: "pipe",
    timeout: LIMIT_MS,
  });
  if (exitCode !== 0) throw new Error(`go ${args.join(" ")} exited with ${exitCode}:\n${stderr.toString()}`);
  return stdout.toString();
}

/** Go keeps its caches in the home directory, which a CI job may have set to a place that is not there or not writable. */
function cacheSettings(): Readonly<Record<string, string>> {
  try {
    accessSync(process.env.HOME ?? "", constants.W_OK);
    return {};
  } catch {
    const path = join(root, "build", "go");
    mkdirSync(path, { recursive: true });
    return { GOPATH: path, GOCACHE: join(path, "cache"), GOFLAGS: "-modcacherw" };
  }
}
