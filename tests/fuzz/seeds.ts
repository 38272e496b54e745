import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "seeds");

export interface Seed {
  readonly file: string;
  readonly bytes: Uint8Array;
}

/** The inputs kept for a target: each took a path of its own, or broke something once. */
export function loadSeeds(target: string): Seed[] {
  const directory = join(root, target);
  if (!existsSync(directory)) return [];
  const files = readdirSync(directory).sort();
  return files.map((file) => ({ file, bytes: new Uint8Array(readFileSync(join(directory, file))) }));
}

/** @returns the path of the file, named after its content */
export function saveSeed(target: string, kind: "path" | "found", bytes: Uint8Array): string {
  mkdirSync(join(root, target), { recursive: true });
  const file = join(root, target, `${kind}-${Bun.hash(bytes).toString(16).padStart(16, "0")}`);
  writeFileSync(file, bytes);
  return file;
}
