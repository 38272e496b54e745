import { statSync } from "node:fs";
import { posix } from "node:path";

/** systemd's path for services, where another engine's unit found its programs. */
const directories = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** The absolute path of a program that is named or lies somewhere; undefined when there is none to execute. */
export function findProgram(name: string, root = "/"): string | undefined {
  const candidates = name.includes("/") ? [name] : directories.map((directory) => posix.join(directory, name));
  return candidates.find((path) => posix.isAbsolute(path) && isExecutable(posix.join(root, path)));
}

function isExecutable(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && (stat.mode & 0o111) !== 0;
}
