import type { DoctorHost } from "../program/cli-io.ts";
import { type Check, type Finding, ok, warn } from "./check.ts";
import { type KernelOption, presenceOf } from "./kernel-option.ts";

/** What the built-in network stands on; a node whose CNI plugins do without may ignore a warning. */
const options: readonly (KernelOption & { readonly name: string })[] = [
  { name: "bridge", config: "BRIDGE", module: "bridge", symbol: "br_dev_setup" },
  { name: "veth", config: "VETH", module: "veth", symbol: "veth_setup" },
  { name: "nftables", config: "NF_TABLES", module: "nf_tables", symbol: "nf_tables_newtable" },
  { name: "nftables NAT", config: "NFT_NAT", module: "nft_nat", symbol: "nft_nat_init" },
  { name: "nftables masquerade", config: "NFT_MASQ", module: "nft_masq", symbol: "nft_masq_init" },
];

const configDir = "/etc/cni/net.d";
const pluginDirs = ["/opt/cni/bin", "/usr/lib/cni"] as const;

export const networkChecks: readonly Check[] = [...options.map(optionCheck), bridgeRules, forwarding, cni, resolver];

/** No module of its own: it is a part of nf_tables, or left out. */
const rulesForBridges: KernelOption = {
  config: "NF_TABLES_BRIDGE",
  module: "nft_chain_bridge",
  symbol: "nft_do_chain_bridge",
};

function bridgeRules(host: DoctorHost): Finding {
  return presenceOf(host, rulesForBridges) === "absent"
    ? warn(
        "network",
        "nftables for bridges",
        "missing",
        "pods of the built-in network can use each other's addresses: take a kernel with CONFIG_NF_TABLES_BRIDGE",
      )
    : ok("network", "nftables for bridges", "available");
}

function optionCheck({ name, ...option }: (typeof options)[number]): Check {
  return (host) => {
    const presence = presenceOf(host, option);
    switch (presence) {
      case "present":
        return ok("network", name, "available");
      case "loadable":
        return warn(
          "network",
          name,
          "a module that is not loaded",
          `modprobe ${option.module}, and name it in /etc/modules-load.d/crib.conf`,
        );
      case "unknown":
        return warn("network", name, "cannot be told on this machine", "try `crib run crib.local/hello`");
      case "absent":
        return warn("network", name, "missing", "the built-in network needs it: use CNI plugins, or host network");
    }
  };
}

function forwarding(host: DoctorHost): Finding {
  return host.readText("/proc/sys/net/ipv4/ip_forward")?.trim() === "1"
    ? ok("network", "forwarding", "on")
    : warn(
        "network",
        "forwarding",
        "off",
        "the built-in network switches it on; for CNI plugins: sysctl net.ipv4.ip_forward=1",
      );
}

function cni(host: DoctorHost): Finding {
  const files = (host.list(configDir) ?? []).filter((name) => /\.(?:conflist|conf|json)$/.test(name)).toSorted();
  const [first] = files;
  if (first === undefined)
    return ok("network", "CNI", `no configuration in ${configDir}: pods get the built-in network`);
  const missing = pluginTypes(host.readText(`${configDir}/${first}`) ?? "").filter(
    (type) => !pluginDirs.some((directory) => host.exists(`${directory}/${type}`)),
  );
  return missing.length === 0
    ? ok("network", "CNI", `${configDir}/${first}`)
    : warn(
        "network",
        "CNI",
        `${first} names plugins that are not there: ${missing.join(", ")}`,
        `put them into ${pluginDirs[0]}, or pods will not start`,
      );
}

/** Plugin names of a network list or a single plugin's configuration; anything else has none, the loader tells why. */
function pluginTypes(text: string): string[] {
  try {
    const parsed: unknown = JSON.parse(text);
    const plugins = isRecord(parsed) && Array.isArray(parsed["plugins"]) ? parsed["plugins"] : [parsed];
    return plugins.flatMap((plugin: unknown) =>
      isRecord(plugin) && typeof plugin["type"] === "string" ? [plugin["type"]] : [],
    );
  } catch {
    return [];
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function resolver(host: DoctorHost): Finding {
  const servers = [...(host.readText("/etc/resolv.conf") ?? "").matchAll(/^nameserver\s+(\S+)/gm)].map(
    (match) => match[1],
  );
  return servers.length > 0
    ? ok("network", "name servers", servers.join(" "))
    : warn("network", "name servers", "none in /etc/resolv.conf", "registries will not be found by name");
}
