import { beforeEach, describe, expect, test } from "bun:test";
import type { Config } from "../../config/config.ts";
import { loadConfig } from "../../config/load-config.ts";
import { RunningConfig } from "../../config/running-config.ts";
import { unavailable } from "../../errors/crib-error.ts";
import type { Log } from "../../observe/log.ts";
import { ConfigReload, type ReloadPart, type ReloadParts } from "./config-reload.ts";

const parse = (text: string): Config => loadConfig({ files: [{ path: "config.toml", text }], flags: {} });

let told: string[];
let lines: (readonly [Readonly<Record<string, unknown>>, string])[];
let text: string;
let running: RunningConfig;

beforeEach(() => {
  told = [];
  lines = [];
  text = "";
  running = new RunningConfig(parse(""));
});

function reloadWith(parts: Partial<ReloadParts> = {}): ConfigReload {
  const write = (fields: Readonly<Record<string, unknown>>, message: string) => void lines.push([fields, message]);
  const log: Log = { debug: write, info: write, warn: write, error: write };
  const noting =
    (name: string): ReloadPart =>
    () =>
    () =>
      void told.push(name);
  const all = {
    log: noting("log"),
    images: noting("images"),
    handlers: noting("handlers"),
    plugins: noting("plugins"),
  };
  return new ConfigReload(running, () => parse(text), { ...all, ...parts }, log);
}

const failure = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => "it did not fail",
    (error: unknown) => String(error),
  );

describe("what changed → who is told", () => {
  test.each([
    ['[log]\nlevel = "debug"', ["log"], "log.level", "applied"],
    ['[images]\npinned = ["a"]', ["images"], "images.pinned", "applied"],
    ["[registry]\nmax_concurrent_downloads = 2", ["images"], "registry.max_concurrent_downloads", "applied"],
    ['[runtime.handlers.runc]\ntype = "oci"\npath = "/usr/sbin/runc"', ["handlers"], "runtime.handlers", "applied"],
    ['[runtime]\ndefault_handler = "x"', ["handlers"], "runtime.default_handler", "applied"],
    ['[nri]\nsocket = "/run/nri.sock"', ["plugins"], "nri.socket", "applied"],
    ['[registry]\nhosts_dirs = ["/h"]', [], "registry.hosts_dirs", "applied"],
    ['[cni]\nbin_dirs = ["/b"]', [], "cni.bin_dirs", "applied"],
    ['[cdi]\nspec_dirs = ["/c"]', [], "cdi.spec_dirs", "applied"],
    ['root = "/other"', [], "root", "needs-restart"],
    ["[network]\nmtu = 1400", [], "network.mtu", "needs-restart"],
  ] as const)("%j tells %p", async (written, who, key, outcome) => {
    text = written;
    const results = await reloadWith().run();
    expect(told).toEqual([...who]);
    expect(results.find((result) => result.key === key)).toEqual({ key, outcome, why: "" });
  });
});

test("what is taken over holds, what needs a restart does not, and one line names both", async () => {
  text = 'root = "/other"\n[network]\nmtu = 1400\n[cdi]\nspec_dirs = ["/c"]';
  const results = await reloadWith().run();
  expect(running.now).toEqual({ ...parse(""), cdi: parse(text).cdi });
  expect(lines).toEqual([
    [{ applied: ["cdi.spec_dirs"] }, "configuration reloaded; needs a restart: root, network.mtu"],
  ]);
  // Until then it is said each time.
  expect(await reloadWith().run()).toEqual(results.filter(({ outcome }) => outcome === "needs-restart"));
});

test("files that are as they were change nothing and tell nobody", async () => {
  expect(await reloadWith().run()).toEqual([]);
  expect(told).toEqual([]);
});

test("a file that is not understood changes nothing, and the log says why", async () => {
  const before = running.now;
  text = 'rot = 1\n[log]\nlevel = "debug"';
  expect(await failure(reloadWith().run())).toContain('unknown key "rot"');
  expect(running.now).toBe(before);
  expect(told).toEqual([]);
  expect(lines[0]?.[1]).toBe("configuration not reloaded: what was read before holds");
});

test("one part that cannot make ready refuses it all: nobody has taken anything over", async () => {
  const before = running.now;
  text = '[log]\nlevel = "debug"\n[images]\npinned = ["a b"]';
  const refusing: ReloadPart = () => {
    throw unavailable("no");
  };
  expect(await failure(reloadWith({ images: refusing }).run())).toContain("no");
  expect(told).toEqual([]);
  expect(running.now).toBe(before);
});

test("a part that fails in the end is told, keeps what it had, and is tried again", async () => {
  text = '[log]\nlevel = "debug"\n[nri]\nsocket = "/taken.sock"';
  let taken = true;
  const plugins: ReloadPart = () => () => {
    if (taken) throw unavailable("another process answers there");
    told.push("plugins");
  };
  const reload = reloadWith({ plugins });
  expect(await reload.run()).toContainEqual({
    key: "nri.socket",
    outcome: "failed",
    why: "another process answers there",
  });
  expect([running.nri.socket, running.log.level]).toEqual([undefined, "debug"]);
  taken = false;
  expect(await reload.run()).toEqual([{ key: "nri.socket", outcome: "applied", why: "" }]);
  expect(told).toEqual(["log", "plugins"]);
  expect(String(running.nri.socket)).toBe("/taken.sock");
});

test("two at once: one after the other, the second with the files as they are then", async () => {
  const release = Promise.withResolvers<void>();
  const images: ReloadPart = async (next) => {
    await release.promise;
    return () => void told.push(...next.images.pinned);
  };
  const reload = reloadWith({ images });
  text = '[images]\npinned = ["a"]';
  const both = [reload.run(), reload.run()];
  text = '[images]\npinned = ["b"]';
  release.resolve();
  await Promise.all(both);
  expect(told).toEqual(["b"]);
  text = '[images]\npinned = ["c"]';
  const after = reload.run();
  await after;
  expect(told).toEqual(["b", "c"]);
});

test("one that fails does not keep the next from its turn", async () => {
  text = "rot = 1";
  const reload = reloadWith();
  const first = failure(reload.run());
  await first;
  text = '[log]\nlevel = "debug"';
  expect(await reload.run()).toHaveLength(1);
});
