import { posix } from "node:path";
import { findProgram } from "../find-program.ts";
import { type ForeignTable, isTable, tableAt, textAt } from "../foreign-document.ts";
import type { Takeover } from "../takeover.ts";

/** Of containerd's own name for runc's shim; others have names of their own. */
const runcShim = /^io\.containerd\.runc\.v[12]$/;
const where = "cri.containerd.runtimes";

/**
 * Runtimes and the default among them. runc without a program of its own is what crib's runtime stands in for; one with a program
 * (nvidia-container-runtime, crun) becomes a handler of type oci, another shim than runc's one of type shim-v2.
 *
 * @param root "/", but in tests.
 */
export function takeRuntimes(takeover: Takeover, cri: ForeignTable, root: string): void {
  const containerd = tableAt(cri, "containerd");
  const names = new Set<string>();
  for (const [name, runtime] of Object.entries(tableAt(containerd, "runtimes"))) {
    if (!isTable(runtime)) continue;
    if (takeRuntime(takeover, name, runtime, root)) names.add(name);
  }
  const chosen = containerd["default_runtime_name"];
  const setting = "cri.containerd.default_runtime_name";
  if (typeof chosen === "string" && chosen !== "" && chosen !== "runc") {
    if (names.has(chosen)) takeover.take(setting, chosen, { runtime: { default_handler: chosen } });
    else
      takeover.refuse(setting, chosen, "no such handler was taken over: pods that name none run by crib's own runtime");
  }
  const byDefault = typeof chosen === "string" && chosen !== "" ? chosen : "runc";
  takeCgroupDriver(takeover, cri, byDefault);
}

function takeRuntime(takeover: Takeover, name: string, runtime: ForeignTable, root: string): boolean {
  const setting = `${where}.${name}`;
  const type = typeof runtime["runtime_type"] === "string" ? runtime["runtime_type"] : "";
  const handler = runcShim.test(type) || type === "" ? runcLike(runtime, root) : shimOf(type, runtime, root);
  if (typeof handler === "string") {
    takeover.refuse(setting, type, handler);
    return false;
  }
  const common = {
    ...annotations("pod_annotations", runtime),
    ...annotations("container_annotations", runtime),
    ...(runtime["privileged_without_host_devices"] === true ? { privileged_without_host_devices: true } : {}),
  };
  const handlers = { [name]: { ...handler, ...common } };
  if (!takeover.take(setting, shownRuntime(type, runtime), { runtime: { handlers } })) return false;
  tellOptions(takeover, setting, runtime, handler["type"] === "shim-v2");
  return true;
}

/** A handler's own settings, or why there is none. */
function runcLike(runtime: ForeignTable, root: string): ForeignTable | string {
  const options = tableAt(runtime, "options");
  const named = [options["BinaryName"], runtime["runtime_engine"]].find(
    (each) => typeof each === "string" && each !== "",
  );
  const program = typeof named === "string" ? named : "";
  if (program === "" || posix.basename(program) === "runc") return { type: "native" };
  const path = findProgram(program, root);
  if (path === undefined) return `its program ${program} is not on this node`;
  return { type: "oci", path };
}

/** As containerd finds a shim: by its path, or `io.containerd.kata.v2` as the program containerd-shim-kata-v2. */
function shimOf(type: string, runtime: ForeignTable, root: string): ForeignTable | string {
  const program = textAt(runtime, "runtime_path") || (type.startsWith("/") ? type : shimProgram(type));
  if (program === undefined) return `${type} is no name of a shim`;
  const path = findProgram(program, root);
  return path === undefined
    ? `its shim ${program} is not on this node`
    : { type: "shim-v2", path, ...shimOptions(tableAt(runtime, "options")) };
}

function shimProgram(type: string): string | undefined {
  const [, name, version] = /\.([a-z0-9-]+)\.(v[0-9]+)$/.exec(type) ?? [];
  return name === undefined ? undefined : `containerd-shim-${name}-${version}`;
}

const optionNames: Readonly<Record<string, string>> = {
  BinaryName: "binary_name",
  Root: "root",
  SystemdCgroup: "systemd_cgroup",
  ConfigPath: "config_path",
  TypeUrl: "type_url",
};

function shimOptions(options: ForeignTable): ForeignTable {
  const known = Object.entries(options).flatMap(([name, value]) => {
    const own = Object.hasOwn(optionNames, name) ? optionNames[name] : undefined;
    return own === undefined || value === "" ? [] : [[own, value] as const];
  });
  return known.length === 0 ? {} : { options: Object.fromEntries(known) };
}

function annotations(name: string, runtime: ForeignTable): ForeignTable {
  const value = runtime[name];
  return Array.isArray(value) && value.length > 0 ? { [name]: value } : {};
}

function shownRuntime(type: string, runtime: ForeignTable): string {
  const program = tableAt(runtime, "options")["BinaryName"];
  return typeof program === "string" && program !== "" ? `${type} ${program}` : type;
}

const toldOptions: Readonly<Record<string, string>> = {
  base_runtime_spec: "limits and mounts of every container are crib's own",
  cni_conf_dir: "every handler has the node's network",
  cgroup_writable: "a container's own groups are writable where cgroup v2 is delegated",
};

/** What of a handler that is taken over is not. */
function tellOptions(takeover: Takeover, setting: string, runtime: ForeignTable, isShim: boolean): void {
  for (const [name, why] of Object.entries(toldOptions)) {
    const value = runtime[name];
    if (value !== undefined && value !== "" && value !== false) takeover.refuse(`${setting}.${name}`, value, why);
  }
  if (isShim) return;
  const root = tableAt(runtime, "options")["Root"];
  if (typeof root === "string" && root !== "")
    takeover.refuse(`${setting}.options.Root`, root, "crib has a directory of its own for a runtime's state");
}

/** One driver holds for the node here; the default runtime's word is taken. */
function takeCgroupDriver(takeover: Takeover, cri: ForeignTable, name: string): void {
  const setting = `${where}.${name}.options.SystemdCgroup`;
  const value = tableAt(cri, "containerd", "runtimes", name, "options")["SystemdCgroup"];
  if (value === true) takeover.take(setting, true, { cgroup: { driver: "systemd" } });
  else if (cri["systemd_cgroup"] === true) takeover.take("cri.systemd_cgroup", true, { cgroup: { driver: "systemd" } });
}
