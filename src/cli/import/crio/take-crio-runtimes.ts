import { posix } from "node:path";
import { findProgram } from "../find-program.ts";
import { type ForeignTable, isTable, listAt, tableAt, textAt } from "../foreign-document.ts";
import type { Takeover } from "../takeover.ts";

/** Runtimes of type oci and vm, and the default among them. runc is what crib's own runtime stands in for. @param root "/", but in tests. */
export function takeCrioRuntimes(takeover: Takeover, runtime: ForeignTable, root: string): void {
  const names = new Set<string>();
  for (const [name, settings] of Object.entries(tableAt(runtime, "runtimes"))) {
    if (!isTable(settings)) continue;
    const setting = `crio.runtime.runtimes.${name}`;
    const program = textAt(settings, "runtime_path") || name;
    const handler = handlerOf(program, settings, root);
    if (typeof handler === "string") takeover.refuse(setting, program, handler);
    else if (takeover.take(setting, program, { runtime: { handlers: { [name]: handler } } })) names.add(name);
  }
  const setting = "crio.runtime.default_runtime";
  const chosen = textAt(runtime, "default_runtime");
  if (chosen === "" || chosen === "runc") return;
  if (names.has(chosen)) takeover.take(setting, chosen, { runtime: { default_handler: chosen } });
  else
    takeover.refuse(setting, chosen, "no such handler was taken over: pods that name none run by crib's own runtime");
}

/** crib's settings, or why there are none. */
function handlerOf(program: string, settings: ForeignTable, root: string): ForeignTable | string {
  const type = textAt(settings, "runtime_type");
  const allowed = listAt(settings, "allowed_annotations");
  const common = {
    ...(allowed.length > 0 ? { pod_annotations: allowed, container_annotations: allowed } : {}),
    ...(settings["privileged_without_host_devices"] === true ? { privileged_without_host_devices: true } : {}),
  };
  if (type === "vm") return shimOf(program, settings, common, root);
  if (type !== "" && type !== "oci") return `type ${type} is none that crib has`;
  if (posix.basename(program) === "runc") return { type: "native", ...common };
  const path = findProgram(program, root);
  return path === undefined ? `its program ${program} is not on this node` : { type: "oci", path, ...common };
}

/** What CRI-O calls a vm is a shim v2 whose configuration lies somewhere. */
function shimOf(program: string, settings: ForeignTable, common: ForeignTable, root: string): ForeignTable | string {
  const path = findProgram(program, root);
  if (path === undefined) return `its shim ${program} is not on this node`;
  const config = textAt(settings, "runtime_config_path");
  return { type: "shim-v2", path, ...(config === "" ? {} : { options: { config_path: config } }), ...common };
}
