import { invalidArgument } from "../errors/crib-error.ts";
import type { ContainerSpec } from "../spec/container-spec.ts";
import type { CdiDeviceName } from "./device-name.ts";
import { parseCdiDeviceName } from "./device-name.ts";

/** Device plugins that cannot use the CRI's field name their devices in annotations that begin so. */
const annotationPrefix = "cdi.k8s.io/";
/** A qualified annotation name is at most this long after its prefix (Kubernetes, "Syntax and character set"). */
const longestKey = 63;

/**
 * The CDI devices a container asks for: those of its field, then those of its annotations, each once.
 *
 * @throws {CribError} invalid-argument for a malformed name or annotation.
 */
export function requestedCdiDevices(config: ContainerSpec): readonly CdiDeviceName[] {
  const names = config.cdiDevices.map((name) => parseCdiDeviceName(name, "CDI_devices"));
  for (const [key, value] of Object.entries(config.annotations)) {
    if (!key.startsWith(annotationPrefix)) continue;
    const rest = key.slice(annotationPrefix.length);
    if (!/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/.test(rest) || rest.length > longestKey) {
      throw invalidArgument(`annotation ${JSON.stringify(key.slice(0, 200))} is not a CDI annotation: malformed name`);
    }
    names.push(...value.split(",").map((name) => parseCdiDeviceName(name, `annotation ${key}`)));
  }
  return [...new Set(names)];
}
