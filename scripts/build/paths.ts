import { join } from "node:path";

/** The project's root, wherever the command was called from. */
export const root = join(import.meta.dirname, "..", "..");

export const fromRoot = (...names: string[]): string => join(root, ...names);
export const buildDir = fromRoot("build");
export const executablePath = fromRoot("dist", "crib");
