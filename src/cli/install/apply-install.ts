import { createHash } from "node:crypto";
import { chmodSync, copyFileSync, existsSync, readFileSync, realpathSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import { makeDirectories } from "../../kernel/exact-modes.ts";
import type { PlannedFile } from "./install-plan.ts";
import { writeFileAside } from "./write-file-aside.ts";

export interface InstallOptions {
  readonly prefix: HostPath;
  readonly force: boolean;
  readonly dryRun: boolean;
}

/** `kept`: an administrator's file that differs, left as it is. */
export type InstallAction = "created" | "replaced" | "unchanged" | "kept";

export interface InstalledFile {
  readonly path: string;
  readonly action: InstallAction;
}

/** Writes each file aside and renames it into place, so that a running crib or a crash never meets half of one. */
export function applyInstall(plan: readonly PlannedFile[], options: InstallOptions): readonly InstalledFile[] {
  return plan.map((file) => {
    const path = joinHostPath(options.prefix, file.path.slice(1));
    const action = actionFor(file, path, options.force);
    if (!options.dryRun && (action === "created" || action === "replaced")) {
      keepFormer(file, path);
      put(file, path);
    }
    return { path, action };
  });
}

function actionFor(file: PlannedFile, path: string, force: boolean): InstallAction {
  if (!existsSync(path)) return "created";
  if (isSame(file, path)) return "unchanged";
  const isTheirs = file.ownership === "config" && !file.formerly.includes(sha256Of(path));
  return isTheirs && !force ? "kept" : "replaced";
}

export function sha256Of(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

export function isSame({ content }: PlannedFile, path: string): boolean {
  switch (content.kind) {
    case "text":
      return readFileSync(path, "utf8") === content.text;
    case "copy":
      return (
        realpathSync(path) === realpathSync(content.source) || readFileSync(path).equals(readFileSync(content.source))
      );
  }
}

/** What an administrator had there is kept beside it, the first of several, so that it can be brought back. */
function keepFormer(file: PlannedFile, path: string): void {
  const isTheirs = existsSync(path) && file.ownership === "config" && !file.formerly.includes(sha256Of(path));
  if (isTheirs && !existsSync(formerOf(path))) copyFileSync(path, formerOf(path));
}

export function formerOf(path: string): string {
  return `${path}.before-crib`;
}

function put({ content, mode }: PlannedFile, path: string): void {
  switch (content.kind) {
    case "text":
      writeFileAside(path, content.text, mode);
      break;
    case "copy":
      copyAside(content.source, path, mode);
      break;
  }
}

function copyAside(source: string, path: string, mode: number): void {
  makeDirectories(dirname(path), 0o755);
  const aside = `${path}.crib-new`;
  try {
    copyFileSync(source, aside);
    chmodSync(aside, mode);
    renameSync(aside, path);
  } finally {
    rmSync(aside, { force: true });
  }
}
