import { type ForeignTable, tableAt } from "../foreign-document.ts";
import { fromSeconds, type SettingRules, silent, taken, takeSettings, told } from "../take-settings.ts";
import { Takeover } from "../takeover.ts";
import type { ContainerdConfiguration } from "./read-containerd.ts";
import { takeRegistries } from "./take-registries.ts";
import { takeRuntimes } from "./take-runtimes.ts";

const levels: Readonly<Record<string, string>> = {
  trace: "trace",
  debug: "debug",
  info: "info",
  warn: "warn",
  error: "error",
  fatal: "error",
  panic: "error",
};

const serverRules: SettingRules = {
  root: told("/var/lib/containerd", "crib keeps its own in /var/lib/crib; images are pulled again"),
  state: told("/run/containerd", "crib keeps its own in /run/crib"),
  temp: silent,
  plugin_dir: silent,
  oom_score: silent,
  required_plugins: silent,
  disabled_plugins: { kind: "told", usual: [[], ["cri"]], why: "crib has no plugins to leave out" },
};

const debugRules: SettingRules = {
  level: taken("info", (value) =>
    typeof value === "string" && Object.hasOwn(levels, value) ? { log: { level: levels[value] } } : "is no level",
  ),
  format: taken("text", (value) => (value === "json" ? { log: { format: "json" } } : "is no format of crib's")),
  address: told("", "crib has no debug socket"),
  uid: silent,
  gid: silent,
};

const criRules: SettingRules = {
  sandbox_image: told("", "crib needs no pause image"),
  sandbox: told("", "crib needs no pause image"),
  enable_selinux: told(false, "crib labels what pods name, wherever the kernel has SELinux"),
  selinux_category_range: silent,
  disable_apparmor: taken(false, () => ({ runtime: { apparmor_default_profile: false } })),
  disable_cgroup: told(false, "crib needs control groups"),
  disable_hugetlb_controller: silent,
  tolerate_missing_hugetlb_controller: silent,
  disable_proc_mount: silent,
  restrict_oom_score_adj: silent,
  device_ownership_from_security_context: told(false, "devices keep the host's owner"),
  enable_cdi: told(true, "devices are injected where a container asks for them"),
  cdi_spec_dirs: taken(["/etc/cdi", "/var/run/cdi"], (value) => ({ cdi: { spec_dirs: value } })),
  // Every pod of crib's may.
  enable_unprivileged_icmp: silent,
  enable_unprivileged_ports: silent,
  ignore_image_defined_volumes: taken(false, () => ({ runtime: { image_volumes: "none" } })),
  max_concurrent_downloads: taken(3, (value) => ({ registry: { max_concurrent_downloads: value } })),
  image_pull_progress_timeout: {
    kind: "taken",
    usual: ["1m0s", "5m0s", "0s"],
    as: fromSeconds((seconds) => ({ registry: { stall_timeout_seconds: seconds } })),
  },
  stream_server_address: taken("127.0.0.1", (value) => ({ streaming: { address: value } })),
  stream_server_port: taken("0", (value) => ({ streaming: { port: Number(value) } })),
  stream_idle_timeout: taken(
    "4h0m0s",
    fromSeconds((seconds) => ({ streaming: { idle_timeout_seconds: seconds } })),
  ),
  unset_seccomp_profile: told("", "a container without a profile is unconfined, as Kubernetes has it"),
  snapshotter: told("overlayfs", "crib has a store of its own for layers"),
  use_local_image_pull: silent,
  disable_snapshot_annotations: silent,
  discard_unpacked_layers: silent,
  concurrent_layer_fetch_buffer: silent,
  image_pull_with_sync_fs: silent,
  disable_tcp_service: silent,
  enable_tls_streaming: silent,
  systemd_cgroup: silent,
  max_container_log_line_size: silent,
  netns_mounts_under_state_dir: silent,
  stats_collect_period: silent,
  stats_retention_period: silent,
  drain_exec_sync_io_timeout: silent,
  ignore_deprecation_warnings: silent,
  enable_criu: silent,
};

const cniRules: SettingRules = {
  bin_dir: taken("/opt/cni/bin", (value) => ({ cni: { bin_dirs: [value] } })),
  bin_dirs: taken(["/opt/cni/bin"], (value) => ({ cni: { bin_dirs: value } })),
  conf_dir: taken("/etc/cni/net.d", (value) => ({ cni: { config_dir: value } })),
  conf_template: told("", "crib's built-in network takes the kubelet's pod range without a template"),
  max_conf_num: told(1, "the first network list is the pods' network"),
  ip_pref: told("ipv4", "a pod's first address is the plugin's first"),
  setup_serially: silent,
  use_internal_loopback: silent,
};

const nriRules: SettingRules = {
  disable: silent,
  socket_path: silent,
  disable_connections: silent,
  plugin_path: told("/opt/nri/plugins", "plugins connect by themselves, as pods or units: none is started"),
  plugin_config_path: taken("/etc/nri/conf.d", (value) => ({ nri: { config_dir: value } })),
  plugin_registration_timeout: taken(
    "5s",
    fromSeconds((seconds) => ({ nri: { registration_timeout_seconds: seconds } })),
  ),
  plugin_request_timeout: taken(
    "2s",
    fromSeconds((seconds) => ({ nri: { request_timeout_seconds: seconds } })),
  ),
};

const usualNriSocket = "/var/run/nri/nri.sock";

/** What crib takes over of containerd's configuration. @param root "/", but in tests. */
export function takeContainerd({ sections, version, refused }: ContainerdConfiguration, root: string): Takeover {
  const takeover = new Takeover();
  const { server, cri, nri, metrics, tracing } = sections;
  for (const { path, why } of refused) takeover.refuse(path, "", `the file is left out: ${why}`);
  takeSettings(takeover, server, "", serverRules);
  takeSettings(takeover, tableAt(server, "debug"), "debug", debugRules);
  takeSettings(takeover, cri, "cri", criRules);
  takeSettings(takeover, tableAt(cri, "cni"), "cri.cni", cniRules);
  takeTls(takeover, cri);
  takePinned(takeover, tableAt(cri, "pinned_images"));
  takeRegistries(takeover, cri);
  takeRuntimes(takeover, cri, root);
  takeNri(takeover, nri, version);
  const address = metrics["address"];
  if (typeof address === "string" && address !== "")
    takeover.refuse(
      "metrics.address",
      address,
      "crib has no endpoint of its own: containers' metrics come through the kubelet",
    );
  const endpoint = tracing["endpoint"];
  if (typeof endpoint === "string" && endpoint !== "")
    takeover.refuse("tracing.endpoint", endpoint, "crib sends no traces yet");
  for (const name of ["proxy_plugins", "stream_processors"]) {
    for (const plugin of Object.keys(tableAt(server, name)))
      takeover.refuse(`${name}.${plugin}`, "", "crib runs no plugins of containerd's");
  }
  return takeover;
}

function takeTls(takeover: Takeover, cri: ForeignTable): void {
  const { tls_cert_file: cert = "", tls_key_file: key = "" } = tableAt(cri, "x509_key_pair_streaming");
  if (cri["enable_tls_streaming"] !== true || cert === "") return;
  takeover.take("cri.x509_key_pair_streaming", cert, { streaming: { tls_cert_file: cert, tls_key_file: key } });
}

function takePinned(takeover: Takeover, pinned: ForeignTable): void {
  const { sandbox: _, ...others } = pinned;
  const images = Object.values(others).filter((image) => image !== "");
  if (images.length > 0) takeover.take("cri.pinned_images", images, { images: { pinned: images } });
}

/** Off unless it is said in containerd 1, on unless it is said in containerd 2. */
function takeNri(takeover: Takeover, nri: ForeignTable | undefined, version: number): void {
  const disabled = nri?.["disable"] ?? version < 3;
  if (disabled === true) return;
  const path = nri?.["socket_path"];
  const socket = typeof path === "string" && path !== "" ? path : usualNriSocket;
  if (nri?.["disable_connections"] === true)
    takeover.refuse(
      "nri.disable_connections",
      true,
      "plugins that may not connect are none for crib: the socket stays off",
    );
  else takeover.take("nri.socket_path", socket, { nri: { socket } });
  takeSettings(takeover, nri ?? {}, "nri", nriRules);
}
