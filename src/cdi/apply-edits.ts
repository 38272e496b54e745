import { failedPrecondition } from "../errors/crib-error.ts";
import { deviceRule } from "../oci/devices.ts";
import type { RuntimeSpec, SpecDevice, SpecHook, SpecMount } from "../oci/runtime-spec.ts";
import type { CdiEdits, CdiHook, CdiMount } from "./cdi-file.ts";
import { grantNode } from "./granted-nodes.ts";
import type { HostNode } from "./host-node.ts";

/** How long a hook may take whose file does not say: the OCI's "for ever" would hold the container's start for ever. */
const defaultHookSeconds = 60;
const longestHookSeconds = 600;

/**
 * The spec with the edits made, in their order, a later one winning over an earlier at the same path or name.
 *
 * @throws {CribError} invalid-argument for a device node that is not there, failed-precondition for an edit that crib cannot
 * make: leaving it out would give a container a device that half works.
 */
export function applyCdiEdits(
  spec: RuntimeSpec,
  edits: readonly CdiEdits[],
  lookUp: (path: string) => HostNode | undefined,
): RuntimeSpec {
  if (edits.length === 0) return spec;
  const { process, linux } = spec;
  const granted = edits.flatMap(({ deviceNodes }) => deviceNodes ?? []).map((n) => grantNode(n, process.user, lookUp));
  const hooks = edits.flatMap((edit) => edit.hooks ?? []).map(createContainerHook);
  refuseNetDevices(edits);
  return {
    ...spec,
    process: {
      ...process,
      env: withEnvironment(
        process.env,
        edits.flatMap(({ env }) => env ?? []),
      ),
      user: {
        ...process.user,
        additionalGids: [
          ...new Set([...process.user.additionalGids, ...edits.flatMap(({ additionalGids }) => additionalGids ?? [])]),
        ],
      },
    },
    mounts: withMounts(
      spec.mounts,
      edits.flatMap(({ mounts }) => mounts ?? []),
    ),
    ...(hooks.length > 0 && { hooks: { createContainer: [...(spec.hooks?.createContainer ?? []), ...hooks] } }),
    linux: {
      ...linux,
      devices: withDevices(
        linux.devices,
        granted.map(({ device }) => device),
      ),
      resources: {
        ...linux.resources,
        devices: [
          ...linux.resources.devices,
          ...granted.filter(({ device }) => device.type !== "p").map((device) => deviceRule(device)),
        ],
      },
    },
  };
}

function withEnvironment(env: readonly string[], added: readonly string[]): readonly string[] {
  const byName = new Map([...env, ...added].map((entry) => [entry.slice(0, entry.indexOf("=")), entry]));
  return [...byName.values()];
}

function withDevices(devices: readonly SpecDevice[], added: readonly SpecDevice[]): readonly SpecDevice[] {
  return [...new Map([...devices, ...added].map((device) => [device.path, device])).values()];
}

/** Among the binds by depth, so that neither an edit nor a mount of the request is hidden by the other's parent. */
function withMounts(mounts: readonly SpecMount[], added: readonly CdiMount[]): readonly SpecMount[] {
  const edited = new Map(added.map((mount) => [mount.containerPath, specMount(mount)]));
  const kept = mounts.filter(({ destination }) => !edited.has(destination));
  const firstBind = kept.findIndex(({ type }) => type === "bind");
  const standard = firstBind < 0 ? kept : kept.slice(0, firstBind);
  const binds = firstBind < 0 ? [] : kept.slice(firstBind);
  return [...standard, ...[...binds, ...edited.values()].toSorted((a, b) => depth(a) - depth(b))];
}

function specMount({ hostPath, containerPath, type, options }: CdiMount): SpecMount {
  const isBind = !type || type === "none" || type === "bind";
  const given = options ?? [];
  const bound = given.includes("bind") || given.includes("rbind");
  return {
    destination: containerPath,
    type: isBind ? "bind" : type,
    source: hostPath,
    options: isBind && !bound ? ["rbind", ...given] : given,
  };
}

function depth({ destination }: SpecMount): number {
  return destination.split("/").length;
}

/**
 * Hooks of this kind run on the host's files in the container's namespaces, which is where the launch stands before it leaves
 * the host behind. The other kinds run at times when crib's launch has no place for a foreign program.
 */
function createContainerHook(hook: CdiHook): SpecHook {
  if (hook.hookName !== "createContainer") {
    throw failedPrecondition(
      `CDI hook ${hook.hookName} ${JSON.stringify(hook.path)} cannot be run: crib runs hooks of the kind createContainer only`,
    );
  }
  const timeout = hook.timeout || defaultHookSeconds;
  if (timeout > longestHookSeconds) {
    throw failedPrecondition(
      `CDI hook ${JSON.stringify(hook.path)} may take ${timeout} s, more than ${longestHookSeconds}`,
    );
  }
  return { path: hook.path, args: hook.args?.length ? hook.args : [hook.path], env: hook.env ?? [], timeout };
}

function refuseNetDevices(edits: readonly CdiEdits[]): void {
  const device = edits.flatMap(({ netDevices }) => netDevices ?? [])[0];
  if (device === undefined) return;
  throw failedPrecondition(
    `CDI network device ${JSON.stringify(device.hostInterfaceName)} cannot be moved: containers share their pod's network`,
  );
}
