import { invalidArgument } from "../errors/crib-error.ts";
import type { GrantedDevice } from "../oci/devices.ts";
import type { SpecUser } from "../oci/runtime-spec.ts";
import type { CdiDeviceNode } from "./cdi-file.ts";
import type { HostNode } from "./host-node.ts";

/**
 * A device node of a CDI file with what the file leaves open filled in: numbers and mode from the host's node, the owner from
 * the container's user, who would else be unable to open what was made for it.
 *
 * @throws {CribError} invalid-argument for a node that is not there or is of another type.
 */
export function grantNode(
  node: CdiDeviceNode,
  user: SpecUser,
  lookUp: (path: string) => HostNode | undefined,
): GrantedDevice {
  const hostPath = node.hostPath || node.path;
  const numbered = Boolean(node.type) && (node.type === "p" || Boolean(node.major) || Boolean(node.minor));
  const host = numbered ? undefined : lookUp(hostPath);
  if (!numbered && host === undefined) {
    throw invalidArgument(`CDI device node ${JSON.stringify(hostPath)} does not exist on this node or is no device`);
  }
  const type = node.type || host?.type || "c";
  if (host !== undefined && typeOf(type) !== host.type) {
    throw invalidArgument(`CDI device node ${JSON.stringify(hostPath)} is of type ${host.type}, not ${type}`);
  }
  return {
    access: node.permissions || "rwm",
    device: {
      path: node.path,
      type: typeOf(type),
      major: host?.major ?? node.major ?? 0,
      minor: host?.minor ?? node.minor ?? 0,
      fileMode: node.fileMode ?? host?.mode ?? 0o666,
      uid: node.uid ?? user.uid,
      gid: node.gid ?? user.gid,
    },
  };
}

/** "u" is an unbuffered character device: the kernel knows no such thing. */
function typeOf(type: "b" | "c" | "u" | "p"): "b" | "c" | "p" {
  return type === "u" ? "c" : type;
}
