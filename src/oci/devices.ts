import { invalidArgument } from "../errors/crib-error.ts";
import type { SpecDevice, SpecDeviceRule } from "./runtime-spec.ts";

/** A device of the host a container gets, with what it may do with it (a subset of "rwm"). */
export interface GrantedDevice {
  readonly device: SpecDevice;
  readonly access: string;
}

function characterDevice(path: string, major: number, minor: number): SpecDevice {
  return { path, type: "c", major, minor, fileMode: 0o666, uid: 0, gid: 0 };
}

/** Nodes every container has (OCI runtime-spec, config-linux.md "Default Devices"). */
const defaultDevices: readonly SpecDevice[] = [
  characterDevice("/dev/null", 1, 3),
  characterDevice("/dev/zero", 1, 5),
  characterDevice("/dev/full", 1, 7),
  characterDevice("/dev/random", 1, 8),
  characterDevice("/dev/urandom", 1, 9),
  characterDevice("/dev/tty", 5, 0),
];

const denyAll: SpecDeviceRule = { allow: false, access: "rwm" };

/** Making a node is harmless (opening it is what rules decide), and the nodes every program expects work. */
const defaultRules: readonly SpecDeviceRule[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  ...defaultDevices.map(({ major, minor }) => ({ allow: true, type: "c", major, minor, access: "rwm" }) as const),
  { allow: true, type: "c", major: 5, minor: 1, access: "rwm" },
  { allow: true, type: "c", major: 5, minor: 2, access: "rwm" },
  { allow: true, type: "c", major: 136, access: "rwm" },
];

/** Device nodes of a container: the defaults, then the granted ones; a granted one wins at the same path. */
export function deviceNodes(granted: readonly GrantedDevice[]): readonly SpecDevice[] {
  const nodes = new Map(defaultDevices.map((device) => [device.path, device]));
  for (const { device } of granted) nodes.set(device.path, device);
  return [...nodes.values()];
}

/** Rules in the order they apply, the last match deciding: nothing, then what is listed; everything when privileged. */
export function deviceRules(granted: readonly GrantedDevice[], privileged: boolean): readonly SpecDeviceRule[] {
  if (privileged) return [{ allow: true, access: "rwm" }];
  return [denyAll, ...defaultRules, ...granted.map(deviceRule)];
}

/** What the container may do with one granted device. @throws {CribError} invalid-argument for malformed permissions. */
export function deviceRule({ device, access }: GrantedDevice): SpecDeviceRule {
  return {
    allow: true,
    type: device.type === "b" ? "b" : "c",
    major: device.major,
    minor: device.minor,
    access: checkAccess(access, device.path),
  };
}

function checkAccess(access: string, path: string): string {
  if (!/^[rwm]{1,3}$/.test(access) || new Set(access).size !== access.length) {
    throw invalidArgument(
      `device ${JSON.stringify(path)} has permissions ${JSON.stringify(access.slice(0, 20))}, not letters of "rwm"`,
    );
  }
  return access;
}
