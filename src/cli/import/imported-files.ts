import { existsSync, lstatSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { posix } from "node:path";
import { CribError } from "../../errors/crib-error.ts";
import { type HostPath, joinHostPath } from "../../ids/path.ts";
import { writeFileAside } from "../install/write-file-aside.ts";
import { importedMark } from "./imported-mark.ts";
import type { Takeover } from "./takeover.ts";

const dropIn = "/etc/crib/conf.d/20-imported.toml";
const certs = "/etc/crib/certs.d";

export interface ImportedFile {
  readonly path: string;
  readonly action: "written" | "unchanged" | "removed";
}

interface Wanted {
  readonly path: string;
  readonly text: string;
}

/** Writes what was taken over. Files of a former import that say nothing any more go; files of others stay, and are told. */
export function writeImported(takeover: Takeover, prefix: HostPath, dryRun: boolean): readonly ImportedFile[] {
  const wanted = wantedFiles(takeover, prefix);
  const stale = importedFiles(prefix).filter((path) => !wanted.some((file) => file.path === path));
  const written = wanted.map(({ path, text }): ImportedFile => {
    if (existsSync(path) && readFileSync(path, "utf8") === text) return { path, action: "unchanged" };
    if (!dryRun) writeFileAside(path, text, 0o644);
    return { path, action: "written" };
  });
  return [...written, ...stale.map((path) => removeOne(path, dryRun))];
}

/** Takes an import back. What is gone already is no failure, so that it can be repeated. */
export function removeImported(prefix: HostPath, dryRun: boolean): readonly ImportedFile[] {
  return importedFiles(prefix).map((path) => removeOne(path, dryRun));
}

function wantedFiles(takeover: Takeover, prefix: HostPath): readonly Wanted[] {
  const hosts = takeover.hosts.flatMap((file) => {
    const path = joinHostPath(prefix, `${certs}/${file.host}/hosts.toml`.slice(1));
    const setting = posix.relative(prefix, path);
    try {
      file.check();
    } catch (error) {
      if (!CribError.is(error)) throw error;
      takeover.refuse(setting, "", error.message);
      return [];
    }
    if (existsSync(path) && !isImported(path)) {
      takeover.refuse(setting, "", "there is one already that no import wrote: it stays");
      return [];
    }
    return [{ path, text: file.text }];
  });
  const path = joinHostPath(prefix, dropIn.slice(1));
  return [...hosts, ...(takeover.text === "" ? [] : [{ path, text: `${importedMark}\n${takeover.text}` }])];
}

function importedFiles(prefix: HostPath): readonly string[] {
  const directory = joinHostPath(prefix, certs.slice(1));
  const hosts = existsSync(directory) ? readdirSync(directory) : [];
  return [
    joinHostPath(prefix, dropIn.slice(1)),
    ...hosts.map((host) => posix.join(directory, host, "hosts.toml")),
  ].filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isFile() === true && isImported(path));
}

function isImported(path: string): boolean {
  return readFileSync(path, "utf8").startsWith(`${importedMark}\n`);
}

function removeOne(path: string, dryRun: boolean): ImportedFile {
  if (!dryRun) {
    rmSync(path, { force: true });
    const directory = posix.dirname(path);
    if (posix.basename(path) === "hosts.toml" && readdirSync(directory).length === 0) rmdirSync(directory);
  }
  return { path, action: "removed" };
}
