import { join } from "node:path";
import type { SandboxId } from "../../src/ids/object-id.ts";
import type { HostPath } from "../../src/ids/path.ts";
import type { PodNetworkRequest, PortMapping } from "../../src/network/port.ts";
import { waitUntil } from "./wait-until.ts";

const peer = join(import.meta.dir, "..", "fixtures", "network-peer.ts");

/** Runs a shell command to its end. @throws {Error} with its output unless it succeeds. */
export function sh(command: string): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["bash", "-c", command]);
  if (exitCode !== 0) throw new Error(`${command}: exit ${exitCode}: ${stdout.toString()}${stderr.toString()}`);
  return stdout.toString();
}

/** What a server printed so far: "listening", then "heard ADDRESS" for every datagram. */
export interface LabServer {
  readonly output: string;
}

/** Network namespaces named after a prefix, with servers in them; all gone with the lab. */
export class NetworkLab implements AsyncDisposable {
  readonly #prefix: string;
  readonly #namespaces = new Set<string>();
  readonly #servers: { readonly process: Bun.Subprocess; readonly collected: Promise<void> }[] = [];

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  /** The path of a fresh namespace with its loopback up. */
  namespace(name: string): HostPath {
    const full = `${this.#prefix}${name}`;
    sh(`ip netns add ${full} && ip -n ${full} link set lo up`);
    this.#namespaces.add(full);
    return `/run/netns/${full}` as HostPath;
  }

  removeNamespace(path: HostPath): void {
    const full = path.slice(path.lastIndexOf("/") + 1);
    sh(`ip netns del ${full}`);
    this.#namespaces.delete(full);
  }

  /** Serves `name` on TCP and UDP `port` inside `netns`, or of the host. */
  async serve(netns: HostPath | undefined, name: string, port: number): Promise<LabServer> {
    const child = Bun.spawn([...inside(netns), process.execPath, peer, name, `${port}`], {
      stdout: "pipe",
      stderr: "inherit",
    });
    const server: { output: string } = { output: "" };
    const collect = async (): Promise<void> => {
      for await (const chunk of child.stdout) server.output += Buffer.from(chunk).toString();
    };
    this.#servers.push({ process: child, collected: collect() });
    await waitUntil(() => server.output.startsWith("listening\n"), { what: `the server ${name} to listen` });
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.process.kill("SIGKILL");
    await Promise.all(this.#servers.map((server) => server.collected));
    for (const name of this.#namespaces) sh(`ip netns del ${name}`);
  }
}

/** What the server at `address` says to a client in `netns` (undefined: the host): "NAME CLIENT", or "" when it is out of reach. */
export function ask(
  netns: HostPath | undefined,
  address: string,
  port: number,
  protocol: "tcp" | "udp" = "tcp",
): string {
  const script = `exec 3<>/dev/${protocol}/${address}/${port} && { [ ${protocol} = tcp ] || echo hello >&3; } && timeout 2 head -n1 <&3`;
  const { stdout } = Bun.spawnSync([...inside(netns), "timeout", "3", "bash", "-c", script], { stderr: "ignore" });
  return stdout.toString().trim();
}

/** A command's prefix that enters only the network namespace. */
export function inside(netns: HostPath | undefined): readonly string[] {
  return netns === undefined ? [] : ["nsenter", `--net=${netns}`];
}

export function podRequest(
  id: SandboxId,
  netns: HostPath,
  portMappings: readonly PortMapping[] = [],
): PodNetworkRequest {
  return {
    sandboxId: id,
    name: `pod-${id.slice(0, 6)}`,
    namespace: "lab",
    uid: "00000000-0000-0000-0000-000000000000",
    netns,
    portMappings,
    annotations: {},
    dns: { servers: [], searches: [], options: [] },
  };
}
