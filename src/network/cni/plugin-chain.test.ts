import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CribError } from "../../errors/crib-error.ts";
import type { HostPath } from "../../ids/path.ts";
import type { UnixNanos } from "../../ids/units.ts";
import type { Clock } from "../../observe/clock.ts";
import { parseNetworkList } from "./network-list.ts";
import {
  type Attachment,
  addToNetwork,
  type ChainOptions,
  checkStatus,
  collectGarbage,
  removeFromNetwork,
} from "./plugin-chain.ts";

const clock: Clock = {
  now: () => 0n as UnixNanos,
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(true), ms);
    signal?.addEventListener("abort", () => resolve(false), { once: true });
    return await promise.finally(() => clearTimeout(timer));
  },
};

let base: string;
let options: ChainOptions;
const warnings: string[] = [];

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "crib-cni-"));
  warnings.length = 0;
  options = {
    binDirs: [base as HostPath],
    pluginTimeoutMs: 10_000,
    clock,
    log: { debug: () => {}, info: () => {}, warn: (_, message) => warnings.push(message), error: () => {} },
  };
});
afterEach(() => rmSync(base, { recursive: true }));

/** A plugin that writes down each call (environment and input) and then runs `body`. */
function plugin(name: string, body: string): void {
  const record = `n=$(ls ${base} | grep -c '^call'); cat > ${base}/in.$$; { echo "${name} $CNI_COMMAND"; env | sort; echo; cat ${base}/in.$$; } > ${base}/call-$n; rm ${base}/in.$$`;
  writeFileSync(join(base, name), `#!/bin/sh\n${record}\n${body}\n`, { mode: 0o755 });
}

interface Call {
  readonly name: string;
  readonly environment: readonly string[];
  readonly input: Record<string, unknown>;
}

function calls(): readonly Call[] {
  return readdirSync(base)
    .filter((file) => file.startsWith("call-"))
    .sort((a, b) => Number(a.slice(5)) - Number(b.slice(5)))
    .map((file) => {
      const [head = "", input = ""] = readFileSync(join(base, file), "utf8").split("\n\n");
      const [name = "", ...environment] = head.split("\n");
      return { name, environment, input: JSON.parse(input) };
    });
}

const attachment: Attachment = {
  containerId: "pod1",
  netns: "/run/netns/pod1",
  args: "IgnoreUnknown=1",
  capabilityArgs: { portMappings: [{ hostPort: 80 }], dns: { servers: ["1.1.1.1"] } },
};
const never = new AbortController().signal;

function network(plugins: readonly object[], cniVersion = "1.0.0") {
  return parseNetworkList({ cniVersion, name: "net", plugins }, "test");
}

describe("ADD", () => {
  test("plugins run in order, each with the result of the one before it, the last result wins", async () => {
    plugin("first", `echo '{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.2/24"}]}'`);
    plugin("second", `echo '{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.3/24"}]}'`);
    const chain = network([
      { type: "first", keep: 1 },
      { type: "second", capabilities: { portMappings: true, mac: true } },
    ]);
    const result = await addToNetwork(chain, attachment, never, options);

    expect(result["ips"]).toEqual([{ address: "10.0.0.3/24" }]);
    expect(calls().map(({ name }) => name)).toEqual(["first ADD", "second ADD"]);
    expect(calls()[0]?.input).toEqual({ type: "first", keep: 1, name: "net", cniVersion: "1.0.0" });
    expect(calls()[1]?.input).toEqual({
      type: "second",
      name: "net",
      cniVersion: "1.0.0",
      runtimeConfig: { portMappings: [{ hostPort: 80 }] },
      prevResult: { cniVersion: "1.0.0", ips: [{ address: "10.0.0.2/24" }] },
    });
  });

  test("a plugin sees the specified environment and nothing of the daemon's", async () => {
    plugin("only", `echo '{}'`);
    await addToNetwork(network([{ type: "only" }]), attachment, never, options);
    const seen = calls()[0]?.environment.filter((line) => !/^(PWD|SHLVL|_|OLDPWD)=/.test(line));
    expect(seen).toEqual([
      "CNI_ARGS=IgnoreUnknown=1",
      "CNI_COMMAND=ADD",
      "CNI_CONTAINERID=pod1",
      "CNI_IFNAME=eth0",
      "CNI_NETNS=/run/netns/pod1",
      `CNI_PATH=${base}`,
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]);
    expect(calls()[0]?.environment).toContain("PWD=/");
  });

  test("a failing plugin is named with its own words, and what was added is removed in reverse", async () => {
    plugin("first", `[ "$CNI_COMMAND" = DEL ] || echo '{"ips":[]}'`);
    plugin(
      "second",
      `[ "$CNI_COMMAND" = DEL ] && exit 0; echo '{"code":7,"msg":"no subnet","details":"range set empty"}'; exit 1`,
    );
    plugin("third", `echo '{}'`);
    const chain = network([{ type: "first" }, { type: "second" }, { type: "third" }]);
    await expect(addToNetwork(chain, attachment, never, options)).rejects.toThrow(
      'CNI network "net": plugin "second" ADD failed: no subnet: range set empty',
    );
    expect(calls().map(({ name }) => name)).toEqual(["first ADD", "second ADD", "second DEL", "first DEL"]);
    expect(calls()[3]?.input["prevResult"]).toEqual({ ips: [] });
  });

  test.each([
    ["echo nonsense", /printed no JSON object: "nonsense/],
    ["echo oops >&2; exit 3", /ADD failed: oops/],
    ["exit 3", /ADD failed: exit code 3/],
    ["kill -9 $$", /ADD failed: it was killed by a signal/],
    [`[ "$CNI_COMMAND" = DEL ] || yes`, /printed more than 1048576 bytes and was killed/],
  ])("%s", async (body, message) => {
    plugin("only", body);
    await expect(addToNetwork(network([{ type: "only" }]), attachment, never, options)).rejects.toThrow(message);
  });

  test("a missing plugin is named with where it was looked for", async () => {
    await expect(addToNetwork(network([{ type: "absent" }]), attachment, never, options)).rejects.toThrow(
      `CNI plugin "absent" is not in ${base}; install it`,
    );
    expect(warnings).toEqual(["a failed CNI ADD could not be undone"]);
  });

  test("a plugin that hangs is killed with all it started, and DEL has a deadline of its own", async () => {
    plugin("slow", `[ "$CNI_COMMAND" = DEL ] && exit 0; sleep 1000 & echo $! > ${base}/child; wait`);
    const started = performance.now();
    const signal = AbortSignal.timeout(300);
    const attempt = addToNetwork(network([{ type: "slow" }]), attachment, signal, options);
    await expect(attempt).rejects.toThrow(/plugin "slow" ADD was not done before the request's deadline/);
    expect(performance.now() - started).toBeLessThan(5000);
    expect(calls().map(({ name }) => name)).toEqual(["slow ADD", "slow DEL"]);
    await gone(Number(readFileSync(join(base, "child"), "utf8")));
  });

  test("the configured timeout bounds a plugin", async () => {
    plugin("slow", `[ "$CNI_COMMAND" = DEL ] && exit 0; sleep 1000`);
    const attempt = addToNetwork(network([{ type: "slow" }]), attachment, never, { ...options, pluginTimeoutMs: 200 });
    const error: unknown = await attempt.catch((caught: unknown) => caught);
    expect(CribError.is(error, "deadline-exceeded")).toBe(true);
    expect(String(error)).toContain("took longer than 200 ms");
  });

  test("a child that keeps the pipes open does not keep the result", async () => {
    plugin("leaky", `echo '{"ips":[]}'; sleep 5 &`);
    const started = performance.now();
    expect(await addToNetwork(network([{ type: "leaky" }]), attachment, never, options)).toEqual({ ips: [] });
    expect(performance.now() - started).toBeLessThan(4000);
  });

  test("plugins of different pods run at the same time", async () => {
    plugin(
      "only",
      `mkdir ${base}/meet-$CNI_CONTAINERID; for i in $(seq 400); do [ -d ${base}/meet-a ] && [ -d ${base}/meet-b ] && { echo '{}'; exit 0; }; sleep 0.01; done; exit 1`,
    );
    const chain = network([{ type: "only" }]);
    await Promise.all(
      ["a", "b"].map((containerId) => addToNetwork(chain, { ...attachment, containerId }, never, options)),
    );
  });
});

describe("DEL", () => {
  test("runs in reverse with the cached result, also after a failure, and throws the first", async () => {
    plugin("first", "exit 0");
    plugin("second", `echo '{"code":11,"msg":"later"}'; exit 1`);
    const chain = network([{ type: "first" }, { type: "second" }]);
    const removed = removeFromNetwork(chain, { ...attachment, netns: "" }, { ips: [] }, options);
    await expect(removed).rejects.toThrow(/"second" DEL failed: later/);
    expect(calls().map(({ name }) => name)).toEqual(["second DEL", "first DEL"]);
    expect(calls()[1]?.input["prevResult"]).toEqual({ ips: [] });
    expect(calls()[1]?.environment).toContain("CNI_NETNS=");
  });

  test("before 0.4.0 there is no prevResult at DEL", async () => {
    plugin("only", "exit 0");
    await removeFromNetwork(network([{ type: "only" }], "0.3.1"), attachment, { ips: [] }, options);
    expect(calls()[0]?.input).not.toHaveProperty("prevResult");
  });
});

test("GC tells every plugin which attachments are valid", async () => {
  plugin("only", "exit 0");
  await collectGarbage(network([{ type: "only" }], "1.1.0"), ["pod1", "pod2"], options);
  expect(calls()[0]?.name).toBe("only GC");
  expect(calls()[0]?.input["cni.dev/valid-attachments"]).toEqual([
    { containerID: "pod1", ifname: "eth0" },
    { containerID: "pod2", ifname: "eth0" },
  ]);
});

test("a plugin's files have the modes it gives them, and the daemon's umask stays private", async () => {
  plugin("only", `umask > ${base}/umask`);
  const before = process.umask(0o077);
  try {
    await collectGarbage(network([{ type: "only" }], "1.1.0"), [], options);
    expect(process.umask()).toBe(0o077);
  } finally {
    process.umask(before);
  }
  expect(readFileSync(join(base, "umask"), "utf8").trim()).toBe("0022");
});

test("STATUS fails with the plugin's words", async () => {
  plugin("only", `echo '{"code":50,"msg":"agent is not running"}'; exit 1`);
  await expect(checkStatus(network([{ type: "only" }], "1.1.0"), options)).rejects.toThrow(
    /STATUS failed: agent is not running/,
  );
});

async function gone(pid: number): Promise<void> {
  for (const end = performance.now() + 5000; performance.now() < end; await clock.sleep(10)) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
  }
  throw new Error(`process ${pid} is still there`);
}
