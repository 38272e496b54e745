import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fromBinary } from "@bufbuild/protobuf";
import { VersionResponseSchema } from "../../src/gen/runtime/v1/api_pb.ts";
import { RawHttp2Client } from "../fixtures/http2-client.ts";
import { connectCri } from "../harness/cri-client.ts";
import { cribBinary } from "../harness/crib-engine.ts";
import { type EnginePlace, openEnginePlace } from "../harness/engine-place.ts";
import { waitUntil } from "../harness/wait-until.ts";

/** The daemon as a process: its sockets, its locks, its signals. What it serves is tested elsewhere. */

let place: EnginePlace;
let running: Bun.Subprocess[] = [];
beforeEach(() => {
  place = openEnginePlace("crib");
  const noCni = join(place.directory, "no-cni");
  mkdirSync(noCni);
  writeConfig('level = "info"');
});
afterEach(async () => {
  for (const child of running) child.kill("SIGKILL");
  await Promise.all(running.map((child) => child.exited));
  running = [];
  place.clear();
});

function writeConfig(logLines: string): void {
  const text = `[log]\n${logLines}\n[cni]\nconfig_dir = "${place.directory}/no-cni"\n[network]\nbridge = "${place.bridge}"\nsubnet = "${place.subnet}"\n`;
  writeFileSync(join(place.directory, "config.toml"), text);
}

interface Started {
  readonly child: Bun.Subprocess;
  readonly log: () => string;
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const logFile = join(place.directory, `log-${running.length}`);
  const child = Bun.spawn(
    [cribBinary(), "serve", "--config", join(place.directory, "config.toml"), "--root", place.root, ...args],
    {
      env: { PATH: process.env.PATH ?? "", ...env },
      cwd: "/",
      stdin: "ignore",
      stdout: Bun.file(logFile),
      stderr: Bun.file(logFile),
    },
  );
  running.push(child);
  return { child, log: () => readFileSync(logFile, "utf8") };
}

async function ready(started: Started): Promise<Started> {
  await waitUntil(() => started.log().includes(" ready "), { what: "the ready line" });
  return started;
}

const socketPath = (name = "s.sock") => join(place.directory, name);
const serving = (...names: string[]) => [
  "--state",
  place.state,
  ...names.flatMap((name) => ["--listen", `unix://${socketPath(name)}`]),
];

async function versionAt(path: string): Promise<string> {
  const client = connectCri(path);
  try {
    return (await client.runtime.version({})).runtimeName;
  } finally {
    client.close();
  }
}

describe("sockets", () => {
  test("several are served, for root alone, and removed in the end; the directories are closed to others", async () => {
    const { child } = await ready(start(serving("a.sock", "b/c.sock")));
    for (const name of ["a.sock", "b/c.sock"]) {
      expect(await versionAt(socketPath(name))).toBe("crib");
      expect(statSync(socketPath(name)).mode & 0o777).toBe(0o600);
    }
    for (const path of [place.state, place.root, join(place.directory, "b")])
      expect(statSync(path).mode & 0o077).toBe(0);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    expect(existsSync(socketPath("a.sock")) || existsSync(socketPath("b/c.sock"))).toBe(false);
  });

  test("one that a killed daemon left is replaced", async () => {
    const { child } = await ready(start(serving("s.sock")));
    child.kill("SIGKILL");
    await child.exited;
    expect(existsSync(socketPath())).toBe(true);
    await ready(start(serving("s.sock")));
    expect(await versionAt(socketPath())).toBe("crib");
  });

  test("one that is alive, and a file that is none, are left alone", async () => {
    await ready(start(serving("s.sock")));
    const other = ["--state", join(place.directory, "state2"), "--root", join(place.directory, "root2")];
    const second = start([...other, "--listen", socketPath()]);
    expect(await second.child.exited).toBe(1);
    expect(second.log()).toContain("another process answers there");
    writeFileSync(socketPath("file"), "kept");
    const third = start([...other, "--listen", socketPath("file")]);
    expect(await third.child.exited).toBe(1);
    expect(readFileSync(socketPath("file"), "utf8")).toBe("kept");
    expect(await versionAt(socketPath())).toBe("crib");
  });

  test("a gRPC client that sends the percent-encoded path is served by the executable too", async () => {
    await ready(start(serving("s.sock")));
    const client = await RawHttp2Client.connect(socketPath());
    await client.request(1, "/runtime.v1.RuntimeService/Version", encodeURIComponent(socketPath()), new Uint8Array());
    expect(fromBinary(VersionResponseSchema, await client.reply(1)).runtimeName).toBe("crib");
    client.destroy();
  });
});

describe("one daemon a directory", () => {
  test.each(["state", "root"] as const)(
    "a second one with the same %s directory is refused by the first one's pid",
    async (shared) => {
      const { child } = await ready(start(serving("s.sock")));
      const own = (name: string) => (name === shared ? place[name] : join(place.directory, `${name}2`));
      const second = start(["--root", own("root"), "--state", own("state"), "--listen", socketPath("t.sock")]);
      expect(await second.child.exited).toBe(1);
      expect(second.log()).toContain(`${place[shared]} belongs to the crib daemon with pid ${child.pid}`);
      expect(await versionAt(socketPath())).toBe("crib");
    },
  );
});

describe("signals", () => {
  test("SIGHUP takes the new log level, and a broken file ends nothing", async () => {
    const { child, log } = await ready(start(serving("s.sock")));
    writeConfig('level = "debug"');
    child.kill("SIGHUP");
    await waitUntil(() => log().includes("configuration reloaded"), { what: "the reload" });
    await versionAt(socketPath());
    await waitUntil(() => log().includes("rpc=Version"), { what: "a debug line" });
    writeConfig('level = "loud"');
    child.kill("SIGHUP");
    await waitUntil(() => log().includes("configuration not reloaded"), { what: "the refusal" });
    child.kill("SIGUSR1");
    child.kill("SIGUSR2");
    await waitUntil(() => log().includes("signal=SIGUSR2"), { what: "ignored signals" });
    expect(await versionAt(socketPath())).toBe("crib");
  });

  test("config reload: says what was taken over, what waits and why a file is refused; plugins' socket comes and goes", async () => {
    await ready(start(serving("s.sock")));
    const nri = socketPath("nri.sock");
    const reload = async () => {
      const command = [cribBinary(), "config", "reload", "--address", `unix://${socketPath()}`];
      const child = Bun.spawn(command, { env: { PATH: process.env.PATH ?? "" }, stdout: "pipe", stderr: "pipe" });
      const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text()]);
      return { code: await child.exited, lines: out.split("\n").map((line) => line.split(/ {2,}/)), err };
    };
    writeConfig(`level = "info"\n[nri]\nsocket = "${nri}"\n[cgroup]\ndriver = "systemd"\n`);
    const first = await reload();
    expect([first.code, first.lines.slice(1, -1)]).toEqual([
      0,
      [
        ["cgroup.driver", "needs a restart"],
        ["nri.socket", "applied"],
      ],
    ]);
    expect(existsSync(nri)).toBe(true);
    writeFileSync(join(place.directory, "taken"), "");
    writeConfig(`level = "info"\n[nri]\nsocket = "${place.directory}/taken"\n`);
    const taken = await reload();
    expect([taken.code, taken.lines[1]?.[0], existsSync(nri)]).toEqual([1, "nri.socket", true]);
    expect(taken.lines[1]?.[1]).toContain("there is something else than a socket");
    writeConfig('level = "loud"');
    const refused = await reload();
    expect([refused.code, existsSync(nri)]).toEqual([1, true]);
    expect(refused.err).toContain("log.level");
    writeConfig('level = "info"');
    expect([(await reload()).code, existsSync(nri)]).toEqual([0, false]);
  });

  test("systemd is told when the daemon is ready, that it lives, and when it stops", async () => {
    // Neither Bun nor Node has unix datagram sockets; perl is in every Debian.
    const notify = join(place.directory, "notify");
    const script = `use IO::Socket::UNIX; use Socket; my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die; $| = 1; print "up\\n"; while (defined $s->recv(my $m, 4096)) { print "$m\\n" }`;
    const perl = Bun.spawn(["perl", "-e", script, notify], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    running.push(perl);
    let told = "";
    const reading = (async () => {
      for await (const chunk of perl.stdout) told += new TextDecoder().decode(chunk);
    })();
    await waitUntil(() => told.includes("up"), { what: "the listener" });
    const watched = { NOTIFY_SOCKET: notify, WATCHDOG_USEC: "300000" };
    const { child } = await ready(start(serving("s.sock"), watched));
    await waitUntil(() => told.includes("READY=1"), { what: "READY=1" });
    await waitUntil(() => told.split("WATCHDOG=1").length > 5, { what: "the watchdog to be told, again and again" });
    child.kill("SIGTERM");
    expect(await child.exited).toBe(0);
    await waitUntil(() => told.includes("STOPPING=1"), { what: "STOPPING=1" });
    perl.kill();
    await reading;
  });
});

describe("configuration", () => {
  test.each([
    ["rot = 1", 'unknown key "rot"'],
    ["[log", "config.toml:1:"],
  ])("%p keeps the daemon from starting, by file and key", async (text, message) => {
    writeFileSync(join(place.directory, "config.toml"), text);
    const { child, log } = start(serving("s.sock"));
    expect(await child.exited).toBeGreaterThan(0);
    expect(log()).toContain(join(place.directory, "config.toml"));
    expect(log()).toContain(message);
  });

  test("it begins again as the same process, with the compiler's options and without what loads code", async () => {
    const { child } = await ready(start(serving("s.sock"), { LD_BIND_NOW: "1", HTTPS_PROXY: "http://127.0.0.1:9" }));
    const environment = readFileSync(`/proc/${child.pid}/environ`, "utf8").split("\0");
    expect(environment).toContain("BUN_JSC_useFTLJIT=0");
    expect(environment).toContain("HTTPS_PROXY=http://127.0.0.1:9");
    expect(environment.filter((entry) => entry.startsWith("LD_"))).toEqual([]);
    const commandLine = readFileSync(`/proc/${child.pid}/cmdline`, "utf8").split("\0");
    expect(commandLine.slice(1, 3)).toEqual(["serve", "--config"]);
    expect(await versionAt(socketPath())).toBe("crib");
  });

  test("a variable that would make Bun of it does not", async () => {
    const { child } = await ready(
      start(serving("s.sock"), {
        BUN_BE_BUN: "1",
        BUN_OPTIONS: "--version",
        NODE_OPTIONS: "--inspect",
        TMPDIR: "/nonexistent",
      }),
    );
    expect(await versionAt(socketPath())).toBe("crib");
    expect(readFileSync(`/proc/${child.pid}/cmdline`, "latin1")).toContain("serve");
  });
});
