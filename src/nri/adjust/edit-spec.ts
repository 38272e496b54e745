import { failedPrecondition } from "../../errors/crib-error.ts";
import type {
  ContainerAdjustment,
  Hooks,
  LinuxContainerAdjustment,
  LinuxDevice,
} from "../../gen/nri/pkg/api/v1alpha1/api_pb.ts";
import type { RuntimeSpec, SpecDevice, SpecHook, SpecProcess, SpecResources } from "../../oci/runtime-spec.ts";
import type { Claims } from "./claims.ts";
import { editResources } from "./edit-resources.ts";
import { editSeccomp } from "./edit-seccomp.ts";

/** Seconds that a hook may take where its plugin names none. */
const defaultHookTimeout = 30;

/**
 * The spec with one plugin's adjustment in it. What crib's own runtime would not carry out is refused by name, not dropped: a
 * plugin that counts on it must not find out from a workload.
 *
 * @throws {CribError} failed-precondition for that, and for what two plugins want differently.
 */
export function editSpec(spec: RuntimeSpec, wishes: ContainerAdjustment, claims: Claims, plugin: string): RuntimeSpec {
  const { linux } = wishes;
  refuseUnknown(wishes.hooks, linux, plugin);
  const hooks = editHooks(spec.hooks, wishes.hooks, claims, plugin);
  return {
    ...spec,
    process: editProcess(spec.process, wishes, claims, plugin),
    mounts: editMounts(spec.mounts, wishes, claims, plugin),
    annotations: Object.fromEntries(
      editNamed("annotation", Object.entries(spec.annotations), Object.entries(wishes.annotations), claims, plugin),
    ),
    ...(hooks !== undefined && { hooks }),
    linux: {
      ...spec.linux,
      devices: [
        ...editNamed(
          "device",
          spec.linux.devices.map((device) => [device.path, device] as const),
          (linux?.devices ?? []).map((device) => [device.path, specDevice(device)] as const),
          claims,
          plugin,
        ).values(),
      ],
      resources: withRulesFor(
        editResources(spec.linux.resources, linux?.resources, claims, plugin),
        linux?.devices ?? [],
      ),
      ...editSeccomp(linux?.seccompPolicy, claims, plugin),
    },
  };
}

function editProcess(process: SpecProcess, wishes: ContainerAdjustment, claims: Claims, plugin: string): SpecProcess {
  const oomScoreAdj = wishes.linux?.oomScoreAdj;
  if (oomScoreAdj !== undefined) claims.claim(plugin, "oom score");
  return {
    ...process,
    args: editArgs(process.args, wishes.args, claims, plugin),
    env: editEnv(process.env, wishes, claims, plugin),
    rlimits: editRlimits(process.rlimits, wishes, claims, plugin),
    ...(oomScoreAdj !== undefined && { oomScoreAdj: Number(oomScoreAdj.value) }),
  };
}

/** An empty first argument takes the arguments over from the plugin that has set them. */
function editArgs(
  args: readonly string[],
  wishes: readonly string[],
  claims: Claims,
  plugin: string,
): readonly string[] {
  if (wishes.length === 0) return args;
  const takesOver = wishes[0] === "";
  if (takesOver) claims.release("args");
  claims.claim(plugin, "args");
  return takesOver ? wishes.slice(1) : wishes;
}

function editEnv(env: readonly string[], wishes: ContainerAdjustment, claims: Claims, plugin: string) {
  const current = env.map((entry) => [entry.split("=", 1)[0] ?? "", entry] as const);
  const wished = wishes.env.map(({ key, value }) => [key, `${key}=${value}`] as const);
  return [...editNamed("env", current, wished, claims, plugin).values()];
}

/** Entries by name with a plugin's in them: first those it removes go, then those it sets take their place or come last. */
function editNamed<Entry>(
  field: "env" | "annotation" | "device",
  current: Iterable<readonly [string, Entry]>,
  wishes: readonly (readonly [string, Entry])[],
  claims: Claims,
  plugin: string,
): ReadonlyMap<string, Entry> {
  const result = new Map(current);
  for (const [name] of wishes) {
    const removed = removedName(name);
    if (removed === undefined) continue;
    claims.release(field, removed);
    result.delete(removed);
  }
  for (const [name, entry] of wishes) {
    if (removedName(name) !== undefined) continue;
    claims.claim(plugin, field, name);
    result.set(name, entry);
  }
  return result;
}

function editRlimits(limits: SpecProcess["rlimits"], wishes: ContainerAdjustment, claims: Claims, plugin: string) {
  const result = new Map(limits.map((limit) => [limit.type, limit]));
  for (const { type, soft, hard } of wishes.rlimits) {
    const name = type.startsWith("RLIMIT_") ? type : `RLIMIT_${type.toUpperCase()}`;
    claims.claim(plugin, "rlimit", name);
    result.set(name, { type: name, soft: Number(soft), hard: Number(hard) });
  }
  return [...result.values()];
}

function editMounts(mounts: RuntimeSpec["mounts"], wishes: ContainerAdjustment, claims: Claims, plugin: string) {
  const gone = new Set<string>();
  for (const { destination } of wishes.mounts) {
    const removed = removedName(destination);
    if (removed !== undefined) claims.release("mount", removed);
    gone.add(removed ?? destination);
  }
  const added = wishes.mounts.filter(({ destination }) => removedName(destination) === undefined);
  for (const { destination } of added) claims.claim(plugin, "mount", destination);
  // A mount over a directory hides what was mounted below it before: shorter destinations come first.
  return [
    ...mounts.filter(({ destination }) => !gone.has(destination)),
    ...added
      .map(({ destination, type, source, options }) => ({ destination, type, source, options: [...options] }))
      .toSorted((one, other) => one.destination.length - other.destination.length),
  ];
}

function specDevice({ path, type, major, minor, fileMode, uid, gid }: LinuxDevice): SpecDevice {
  const numbers = { major: Number(major), minor: Number(minor) };
  const owner = { uid: uid?.value ?? 0, gid: gid?.value ?? 0 };
  return { path, type, ...numbers, fileMode: fileMode?.value ?? 0o666, ...owner };
}

/** A device that is added may be used: the control group is told so, as the reference does. */
function withRulesFor(resources: SpecResources, wishes: readonly LinuxDevice[]): SpecResources {
  const rules = wishes
    .filter(({ path }) => removedName(path) === undefined)
    .map(({ type, major, minor }) => ({
      allow: true,
      type: type === "b" ? ("b" as const) : ("c" as const),
      major: Number(major),
      minor: Number(minor),
      access: "rwm",
    }));
  return rules.length === 0 ? resources : { ...resources, devices: [...resources.devices, ...rules] };
}

function editHooks(
  hooks: RuntimeSpec["hooks"],
  wishes: Hooks | undefined,
  claims: Claims,
  plugin: string,
): RuntimeSpec["hooks"] {
  const added: readonly SpecHook[] = (wishes?.createContainer ?? []).map(({ path, args, env, timeout }) => ({
    path,
    args: args.length > 0 ? [...args] : [path],
    env: [...env],
    timeout: timeout === undefined ? defaultHookTimeout : Number(timeout.value),
  }));
  if (added.length === 0) return hooks;
  claims.share(plugin, "hooks");
  return { createContainer: [...(hooks?.createContainer ?? []), ...added] };
}

function refuseUnknown(hooks: Hooks | undefined, linux: LinuxContainerAdjustment | undefined, plugin: string): void {
  const asked = [
    (hooks?.prestart.length ?? 0) > 0 && "prestart hooks",
    (hooks?.createRuntime.length ?? 0) > 0 && "create_runtime hooks",
    (hooks?.startContainer.length ?? 0) > 0 && "start_container hooks",
    (hooks?.poststart.length ?? 0) > 0 && "poststart hooks",
    (hooks?.poststop.length ?? 0) > 0 && "poststop hooks",
    (linux?.cgroupsPath ?? "") !== "" && "a cgroups path",
    linux?.ioPriority !== undefined && "an I/O priority",
    (linux?.namespaces.length ?? 0) > 0 && "namespaces",
    Object.keys(linux?.sysctl ?? {}).length > 0 && "sysctls",
    Object.keys(linux?.netDevices ?? {}).length > 0 && "network devices",
    linux?.scheduler !== undefined && "a scheduler",
    linux?.rdt !== undefined && "cache allocation (rdt)",
    linux?.memoryPolicy !== undefined && "a memory policy",
  ].filter((name) => name !== false);
  if (asked.length > 0) {
    throw failedPrecondition(
      `plugin ${JSON.stringify(plugin)} asks for ${asked.join(", ")}, which crib does not set: stop the plugin, or choose a runtime handler that does`,
    );
  }
}

/** NRI marks a name as one to remove by a `-` before it. */
function removedName(name: string): string | undefined {
  return name.startsWith("-") ? name.slice(1) : undefined;
}
