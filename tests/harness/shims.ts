import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseHostPath } from "../../src/ids/path.ts";

const peers = join(import.meta.dir, "../../build/peers");

/** A real shim that can be tried here, as a handler of the configuration. */
export interface Shim {
  readonly name: string;
  readonly path: string;
  /** Lines of its table, but for type and path. */
  readonly lines: readonly string[];
  /** Whether its containers are processes of the host, and their files the host's. */
  readonly sharesKernel: boolean;
  /** gVisor's ends, with its pod, when an event finds nobody to take it: no container may exit while there is no daemon. */
  readonly needsListener?: boolean;
}

/** containerd's own, with the host's runc: the newest, with a sandbox's container and without. */
export const runcShims: readonly Shim[] = [
  { name: "shim", path: join(peers, "containerd-shim-runc-v2"), lines: [], sharesKernel: true },
  {
    name: "shim-alone",
    path: join(peers, "containerd-shim-runc-v2"),
    lines: ["sandbox_container = false"],
    sharesKernel: true,
  },
];

/** What the shim of runsc reads: `npm run runtimes` writes it. */
export const runscConfig = parseHostPath(join(peers, "runsc.toml"));

/** gVisor's, whose containers are no processes of the host. */
export const runscShim: Shim = {
  name: "gvisor",
  path: join(peers, "containerd-shim-runsc-v1"),
  lines: [`options = { type_url = "io.containerd.runsc.v1.options", config_path = "${runscConfig}" }`],
  sharesKernel: false,
  needsListener: true,
};

const sets = { all: [...runcShims, runscShim], runc: runcShims } as const;
const wanted = process.env.CRIB_TEST_SHIMS;

/** `npm run runtimes` tries them all; the gate is content with one. */
export const triedShims: readonly Shim[] = wanted === "all" || wanted === "runc" ? sets[wanted] : runcShims.slice(0, 1);

/** Why a shim cannot be tried here; undefined: it can. */
export function missingFor({ path }: Shim): string | undefined {
  if (!existsSync(path)) return `${path} is not built: npm run runtimes does`;
  if (path === runscShim.path) return existsSync(runscConfig) ? undefined : "runsc is not built: npm run runtimes does";
  return existsSync("/usr/sbin/runc") ? undefined : "runc is not installed";
}

export function handlerLines({ name, path, lines }: Shim): readonly string[] {
  return [`[runtime.handlers.${name}]`, 'type = "shim-v2"', `path = "${path}"`, ...lines];
}

/** The pid of the shim that serves a pod. */
export function shimPid(state: string, pod: string): number {
  const document: unknown = JSON.parse(readFileSync(join(state, "pods", pod, "shim.json"), "utf8"));
  if (typeof document !== "object" || document === null || !("pid" in document) || typeof document.pid !== "number") {
    throw new Error(`no shim of ${pod}`);
  }
  return document.pid;
}
