import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where Debian's containernetworking-plugins live; kubernetes-cni's place comes first, as in crib's own defaults. */
export const CNI_BIN_DIRS = ["/opt/cni/bin", "/usr/lib/cni"];

/** Writes the network list the benchmarks name "CNI bridge": bridge + host-local + portmap, addresses kept below `directory`. */
export function writeBridgeNetwork(directory: string, bridge: string, subnet: string): string {
  const configDir = join(directory, "cni-net.d");
  mkdirSync(configDir, { recursive: true });
  const list = {
    cniVersion: "0.4.0",
    name: bridge,
    plugins: [
      {
        type: "bridge",
        bridge,
        isGateway: true,
        ipMasq: true,
        ipam: {
          type: "host-local",
          dataDir: join(directory, "cni-ipam"),
          ranges: [[{ subnet }]],
          routes: [{ dst: "0.0.0.0/0" }],
        },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
  writeFileSync(join(configDir, "10-bridge.conflist"), JSON.stringify(list, undefined, 2));
  return configDir;
}
