import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildStaticBinary } from "../fixtures/static-binary.ts";
import type { TestBed } from "../harness/test-bed.ts";
import type { TestContainer } from "../harness/test-container.ts";
import { execScript, type StreamProtocol, sentBytes } from "./stream-scripts.ts";

export type StreamDirection = "out" | "in" | "both";

/** What moving bytes through one exec cost. A megabyte is a million bytes; what goes in and comes out again counts once. */
export interface StreamUse {
  readonly megabytesPerSecond: number;
  /** CPU seconds for each 1000 MB: of the daemon, and of the pod's monitor or shim. */
  readonly daemonCpu: number;
  readonly podCpu: number;
}

const commands = { out: ["source"], in: ["sink"], both: ["cat"] } as const;
/** Where the kernel counts a process's time: clock ticks, 100 a second on every architecture with Bun. */
const ticksPerSecond = 100;

/** A container with the program that makes and takes bytes, in a pod of its own. */
export async function openStreamContainer(bed: TestBed): Promise<TestContainer> {
  const hostPath = join(bed.engine.directory, "pump");
  mkdirSync(hostPath, { recursive: true });
  buildStaticBinary("pump", hostPath);
  return bed.runIdle(await bed.runPod(), { mounts: [{ containerPath: "/pump", hostPath, readonly: true }] });
}

/** Moves `bytes` through one exec with a client that does as little as can be. @throws when they do not all arrive */
export async function measureStreams(
  bed: TestBed,
  container: TestContainer,
  protocol: StreamProtocol,
  direction: StreamDirection,
  bytes: number,
): Promise<StreamUse> {
  const wants = { stdin: direction !== "out", stdout: true };
  const cmd = ["/pump/pump", ...commands[direction], ...(direction === "out" ? [String(bytes)] : [])];
  const { url } = await bed.cri.runtime.exec({ containerId: container.id, cmd, ...wants, stderr: false, tty: false });
  const { port, pathname } = new URL(url);
  const pods = [bed.engine.pid, parentOf(await container.pid())];
  const before = pods.map(cpuSeconds);
  const client = Bun.spawn([join(bed.engine.directory, "pump/pump"), "client", port], {
    stdin: execScript(protocol, pathname, wants, bytes),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [text, problem] = await Promise.all([client.stdout.text(), client.stderr.text(), client.exited]);
  const [came = 0, tookUs = 0] = text.split(" ").map(Number);
  const [daemon = 0, pod = 0] = pods.map((pid, at) => cpuSeconds(pid) - (before[at] ?? 0));
  const moved = direction === "out" ? bytes : sentBytes(bytes);
  const out = direction === "in" ? 0 : moved;
  if (came < out || came === 0) throw new Error(`${came} bytes of ${out} came out of ${protocol}: ${problem}`);
  return {
    megabytesPerSecond: moved / tookUs,
    daemonCpu: (daemon * 1e9) / moved,
    podCpu: (pod * 1e9) / moved,
  };
}

function cpuSeconds(pid: number): number {
  const fields = statFields(pid);
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function parentOf(pid: number): number {
  return Number(statFields(pid)[1]);
}

/** From the third on: the second, a name in brackets, may contain anything. */
function statFields(pid: number): readonly string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}
