import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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

const socketDropIn = "/etc/crib/conf.d/10-containerd-socket.toml";
const imported = "/etc/crib/conf.d/20-imported.toml";

function write(path: string, text: string): void {
  mkdirSync(dirname(join(prefix, path)), { recursive: true });
  writeFileSync(join(prefix, path), text);
}

/** Every file below the prefix, with what is in it. */
function everything(): Record<string, string> {
  const paths = readdirSync(prefix, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(paths.map((path) => [path.slice(prefix.length), readFileSync(path, "utf8")]));
}

describe("in containerd's place, and back", () => {
  const containerd = `version = 2
    [grpc]
    address = "/run/k3s/containerd/containerd.sock"
    [plugins."io.containerd.grpc.v1.cri".cni]
    conf_dir = "/var/lib/cni"`;
  const crictl = "/etc/crictl.yaml";
  const theirs = "runtime-endpoint: unix:///run/k3s/containerd/containerd.sock\n";

  test("its socket and its configuration are taken over, and --undo leaves the node as it was", async () => {
    write("/etc/containerd/config.toml", containerd);
    write(crictl, theirs);
    const before = everything();
    const done = await install("--replace-containerd", "--force");
    expect([done[socketDropIn], done[imported], done[crictl]]).toEqual(["created", "written", "replaced"]);
    const loaded = loadConfig({ files: readConfigFiles(join(prefix, config)), flags: {} });
    expect([loaded.listen[1], loaded.cni.configDir] as unknown[]).toEqual([
      "/run/k3s/containerd/containerd.sock",
      "/var/lib/cni",
    ]);
    expect(await install("--replace-containerd", "--force")).toMatchObject({
      [socketDropIn]: "unchanged",
      [imported]: "unchanged",
    });
    mkdirSync(join(prefix, "etc/systemd/system/multi-user.target.wants"));
    symlinkSync(unit, join(prefix, "etc/systemd/system/multi-user.target.wants/crib.service"));
    expect((await install("--undo"))[crictl]).toBe("restored");
    expect(everything()).toEqual(before);
    expect(await install("--undo")).toEqual({ [crictl]: "kept" });
    expect(everything()).toEqual(before);
  });

  test("an undo after an installation that ended half way takes back what is there, and keeps what was changed", async () => {
    write("/etc/containerd/config.toml", containerd);
    const before = everything();
    await install("--replace-containerd");
    rmSync(join(prefix, unit));
    rmSync(join(prefix, imported));
    write(config, 'root = "/data"\n');
    expect(await install("--undo", "--dry-run")).toEqual({
      [crictl]: "removed",
      [socketDropIn]: "removed",
      [config]: "kept",
    });
    await install("--undo");
    expect(everything()).toEqual({ ...before, [config]: 'root = "/data"\n' });
  });

  test("a configuration of containerd's that cannot be read leaves the node as it was", async () => {
    write("/etc/containerd/config.toml", "version = [");
    const before = everything();
    const { exitCode, err } = await cli(["install", "--prefix", prefix, "--replace-containerd"]);
    expect([exitCode, err.includes("is not TOML")]).toEqual([2, true]);
    expect(everything()).toEqual(before);
  });
});

test("install --replace-containerd makes the daemon serve both sockets", async () => {
  await install("--replace-containerd");
  const loaded = loadConfig({ files: readConfigFiles(join(prefix, config)), flags: {} });
  expect(loaded.listen.map(String)).toEqual(["/run/crib/crib.sock", "/run/containerd/containerd.sock"]);
});
