import { spawnSync } from "node:child_process";
import { accessSync, constants, mkdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findBun } from "../find-bun.mjs";

const root = join(import.meta.dirname, "..", "..");

const readJson = (...names) => JSON.parse(readFileSync(join(root, ...names), "utf8"));

function installedVersion(place) {
  try {
    return readJson(place, "package.json").version;
  } catch {
    return undefined;
  }
}

/** The first package that node_modules lacks or has in another version than package-lock.json says. */
function firstStale() {
  const entries = Object.entries(readJson("package-lock.json").packages);
  return entries.find(
    ([place, entry]) => place !== "" && !entry.optional && !entry.link && installedVersion(place) !== entry.version,
  )?.[0];
}

/** npm keeps its cache in the home directory, which a CI job may have set to a place that is not there or not writable. */
function cacheSettings() {
  try {
    accessSync(process.env.HOME ?? "", constants.W_OK);
    return {};
  } catch {
    const cache = join(tmpdir(), "crib-npm-cache");
    mkdirSync(cache, { recursive: true });
    return { npm_config_cache: cache };
  }
}

/** `npm ci` when node_modules is not what package-lock.json says. */
export function installNodeModules() {
  const stale = firstStale();
  if (stale === undefined && findBun() !== undefined) return;
  process.stdout.write(`setup: installing node_modules (${stale ?? "bun"} is missing or of another version)\n`);
  const args = ["ci", "--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"];
  const result = spawnSync("npm", args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...cacheSettings() },
  });
  if (result.error) throw new Error(`cannot run npm: ${result.error.message}`);
  if (result.status !== 0) throw new Error("npm ci failed, see above");
  if (findBun() === undefined)
    throw new Error("npm ci left no bun for this machine: crib is built on x86_64 Linux with glibc");
}
