import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connectDaemon, type DaemonClient } from "../../src/cli/program/client.ts";
import { waitFor } from "./wait-for.ts";

export interface DemoDaemon extends AsyncDisposable {
  readonly directory: string;
  readonly client: DaemonClient;
}

/** Names of its own, so that a daemon this machine already has is left in peace. */
const configuration = `[network]
bridge = "crib-demo0"
subnet = "10.89.0.0/16"

[cgroup]
default_parent = "/crib-demo"
`;

/** `dist/crib serve` with directories, socket, bridge and cgroup of its own; dispose stops it and deletes them. */
export async function startDemoDaemon(executable: string): Promise<DemoDaemon> {
  const directory = mkdtempSync("/run/crib-demo-");
  const config = `${directory}/config.toml`;
  const socket = `${directory}/crib.sock`;
  const logFile = `${directory}/daemon.log`;
  writeFileSync(config, configuration);
  const log = openSync(logFile, "a");
  const args = ["--config", config, "--root", `${directory}/root`, "--state", `${directory}/state`, "--listen", socket];
  const child = Bun.spawn([executable, "serve", ...args], { cwd: "/", stdin: "ignore", stdout: log, stderr: log });
  closeSync(log);
  const client = connectDaemon(socket);
  const daemon: DemoDaemon = {
    directory,
    client,
    async [Symbol.asyncDispose]() {
      client[Symbol.dispose]();
      child.kill("SIGTERM");
      await child.exited;
      rmSync(directory, { recursive: true, force: true });
    },
  };
  try {
    await waitFor("the daemon answers", async () => {
      if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}`);
      try {
        return await client.runtime.version({});
      } catch {
        return undefined;
      }
    });
  } catch (error) {
    const words = readFileSync(logFile, "utf8").trim();
    await daemon[Symbol.asyncDispose]();
    throw new Error(`${error instanceof Error ? error.message : String(error)}; its log:\n${words}`);
  }
  return daemon;
}
