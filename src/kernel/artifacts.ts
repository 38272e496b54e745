import { readFileSync } from "node:fs";
import layerPath from "../../build/crib-layer" with { type: "file" };
import lookPath from "../../build/crib-look" with { type: "file" };
import monitorPath from "../../build/crib-monitor" with { type: "file" };
import helloPath from "../../build/hello" with { type: "file" };
import libraryPath from "../../build/libcrib.so" with { type: "file" };
import { internal } from "../errors/crib-error.ts";

/** The C artifacts that `build.ts` makes and the executable carries. */
const pathByName = {
  /** The shared shim, loaded into this process. */
  "libcrib.so": libraryPath,
  /** Static: one process a pod. */
  "crib-monitor": monitorPath,
  /** Static: looks at paths that may hang. */
  "crib-look": lookPath,
  /** Static: one process a layer that is unpacked. */
  "crib-layer": layerPath,
  /** Static: the program of the built-in image `crib.local/hello`. */
  hello: helloPath,
} as const;

export type ArtifactName = keyof typeof pathByName;

/**
 * The bytes of an artifact. They are never unpacked to a directory: $TMPDIR may be missing, read-only, noexec or
 * someone else's (docs/decisions/0001-artifacts-from-memfds.md).
 */
export function readArtifact(name: ArtifactName): Uint8Array {
  const bytes = readFileSync(pathByName[name]);
  if (bytes.length === 0) throw internal(`artifact ${name} is empty: run npm run build`);
  return bytes;
}
