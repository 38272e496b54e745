import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cli } from "../../../tests/fixtures/cli-io.ts";
import { loadConfig } from "../../config/load-config.ts";
import { readConfigFiles } from "../../config/read-config-files.ts";

let prefix = "";
beforeEach(() => {
  prefix = mkdtempSync(join(tmpdir(), "crib-install-"));
});
afterEach(() => rmSync(prefix, { recursive: true }));

async function install(...flags: string[]): Promise<Record<string, string>> {
  const { exitCode, out, err } = await cli(["install", "--prefix", prefix, "--json", ...flags]);
  expect([exitCode, err]).toEqual([0, ""]);
  const files = JSON.parse(out) as { path: string; action: string }[];
  return Object.fromEntries(files.map(({ path, action }) => [path.slice(prefix.length), action]));
}

const config = "/etc/crib/config.toml";
const unit = "/etc/systemd/system/crib.service";

test("install writes unit, configuration and crictl's file", async () => {
  expect(await install()).toEqual({ [unit]: "created", [config]: "created", "/etc/crictl.yaml": "created" });
  expect(statSync(join(prefix, unit)).mode & 0o777).toBe(0o644);
  expect(readFileSync(join(prefix, config), "utf8")).toBe((await cli(["config", "default"])).out);
});

test("install again changes nothing, and keeps what an administrator changed", async () => {
  await install();
  writeFileSync(join(prefix, config), 'root = "/data"\n');
  writeFileSync(join(prefix, unit), "old\n");
  expect(await install()).toEqual({ [unit]: "replaced", [config]: "kept", "/etc/crictl.yaml": "unchanged" });
  expect(readFileSync(join(prefix, config), "utf8")).toBe('root = "/data"\n');
  expect((await install("--force"))[config]).toBe("replaced");
});

test("install --dry-run touches nothing", async () => {
  expect((await install("--dry-run"))[config]).toBe("created");
  expect(readdirSync(prefix)).toEqual([]);
});

test("install --replace-containerd makes the daemon serve both sockets", async () => {
  await install("--replace-containerd");
  const loaded = loadConfig({ files: readConfigFiles(join(prefix, config)), flags: {} });
  expect(loaded.listen.map(String)).toEqual(["/run/crib/crib.sock", "/run/containerd/containerd.sock"]);
});
