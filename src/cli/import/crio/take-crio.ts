import { type ForeignTable, tableAt, textAt } from "../foreign-document.ts";
import { fromSeconds, type SettingRules, silent, taken, takeSettings, told } from "../take-settings.ts";
import { Takeover } from "../takeover.ts";
import type { CrioConfiguration } from "./read-crio.ts";
import { takeCrioRegistries } from "./take-crio-registries.ts";
import { takeCrioRuntimes } from "./take-crio-runtimes.ts";

const levels: Readonly<Record<string, string>> = {
  trace: "trace",
  debug: "debug",
  info: "info",
  warn: "warn",
  warning: "warn",
  error: "error",
  fatal: "error",
};

const rootRules: SettingRules = {
  root: told("/var/lib/containers/storage", "crib keeps its own in /var/lib/crib; images are pulled again"),
  runroot: silent,
  storage_driver: told("overlay", "crib has a store of its own for layers"),
  storage_option: silent,
  log_dir: silent,
  version_file: silent,
  version_file_persist: silent,
  clean_shutdown_file: silent,
  internal_wipe: silent,
  internal_repair: silent,
  imagestore: silent,
};

const runtimeRules: SettingRules = {
  default_runtime: silent,
  cgroup_manager: taken("cgroupfs", (value) =>
    value === "systemd" ? { cgroup: { driver: "systemd" } } : "is no driver that crib knows",
  ),
  log_level: taken("info", (value) =>
    typeof value === "string" && Object.hasOwn(levels, value) ? { log: { level: levels[value] } } : "is no level",
  ),
  seccomp_profile: told("", "RuntimeDefault is crib's own profile"),
  apparmor_profile: told("crio-default", "RuntimeDefault is crib's own profile"),
  selinux: told(false, "crib labels what pods name, wherever the kernel has SELinux"),
  default_ulimits: told([], "every container begins with 1024:524288 files; limits of a node are not configurable yet"),
  default_capabilities: told([], "the ones that Kubernetes' documentation names"),
  default_sysctls: told([], "set them per pod: securityContext.sysctls"),
  default_env: told([], "set it per pod"),
  default_mounts_file: told("", "crib mounts into a container what its pod asks for"),
  pids_limit: told(-1, "the kubelet's --pod-max-pids bounds a pod"),
  hooks_dir: told([], "hooks come through CDI or NRI"),
  additional_devices: told([], "devices come through CDI or device plugins"),
  allowed_devices: told([], "devices come through CDI or device plugins"),
  cdi_spec_dirs: taken(["/etc/cdi", "/var/run/cdi"], (value) => ({ cdi: { spec_dirs: value } })),
  device_ownership_from_security_context: told(false, "devices keep the host's owner"),
  no_pivot: silent,
  conmon: silent,
  conmon_env: silent,
  conmon_cgroup: silent,
  drop_infra_ctr: silent,
  infra_ctr_cpuset: told("", "there is no infra container"),
  namespaces_dir: silent,
  pinns_path: silent,
  decryption_keys_path: silent,
  container_exits_dir: silent,
  container_attach_socket_dir: silent,
  bind_mount_prefix: told("", "paths are the host's"),
  read_only: told(false, "set it per container: readOnlyRootFilesystem"),
  uid_mappings: told("", "user namespaces are the kubelet's choice"),
  gid_mappings: told("", "user namespaces are the kubelet's choice"),
  minimum_mappable_uid: silent,
  minimum_mappable_gid: silent,
  ctr_stop_timeout: silent,
  irqbalance_config_file: silent,
  irqbalance_config_restore_file: silent,
  rdt_config_file: told("", "resctrl groups are not crib's yet"),
  blockio_config_file: told("", "block I/O classes are not crib's yet"),
  timezone: told("", "set it per pod"),
  hostnetwork_disable_selinux: silent,
  privileged_seccomp_profile: told("", "privileged containers have no filter"),
  absent_mount_sources_to_reject: told([], "a hostPath's type says whether it must be there"),
  enable_criu_support: silent,
  enable_pod_events: silent,
};

const imageRules: SettingRules = {
  pause_image: told("", "crib needs no pause image"),
  pause_image_auth_file: silent,
  pause_command: silent,
  pinned_images: taken([], (value) => ({ images: { pinned: value } })),
  global_auth_file: taken("", (value) => ({ registry: { docker_config: value } })),
  signature_policy: told("", "crib verifies no signatures yet"),
  signature_policy_dir: told("/etc/crio/policies", "crib verifies no signatures yet"),
  default_transport: silent,
  image_volumes: taken("mkdir", (value) => (value === "ignore" ? { runtime: { image_volumes: "none" } } : {})),
  insecure_registries: told([], "write certs.d/<host>/hosts.toml with skip_verify or http"),
  registries: told([], "Kubernetes' images have the registry in their names"),
  big_files_temporary_dir: silent,
  auto_reload_registries: silent,
  oci_artifact_mount_support: silent,
  short_name_mode: silent,
  pull_progress_timeout: {
    kind: "taken",
    usual: ["0s", "10s"],
    as: fromSeconds((seconds) => ({ registry: { stall_timeout_seconds: seconds } })),
  },
};

const networkRules: SettingRules = {
  network_dir: taken("/etc/cni/net.d/", (value) => ({ cni: { config_dir: trimmed(value) } })),
  plugin_dir: taken("", (value) => ({ cni: { bin_dirs: [trimmed(value)] } })),
  plugin_dirs: taken(["/opt/cni/bin/"], (value) => ({
    cni: { bin_dirs: Array.isArray(value) ? value.map(trimmed) : value },
  })),
  cni_default_network: told("", "the first network list of the directory is the pods' network"),
};

const nriRules: SettingRules = {
  enable_nri: silent,
  nri_listen: silent,
  nri_plugin_dir: told("/opt/nri/plugins", "plugins connect by themselves, as pods or units: none is started"),
  nri_plugin_config_dir: taken("/etc/nri/conf.d", (value) => ({ nri: { config_dir: value } })),
  nri_plugin_registration_timeout: taken(
    "5s",
    fromSeconds((seconds) => ({ nri: { registration_timeout_seconds: seconds } })),
  ),
  nri_plugin_request_timeout: taken(
    "2s",
    fromSeconds((seconds) => ({ nri: { request_timeout_seconds: seconds } })),
  ),
  nri_disable_connections: silent,
};

/** What crib takes over of CRI-O's configuration. @param root "/", but in tests. */
export function takeCrio({ crio, registries, refused }: CrioConfiguration, root: string): Takeover {
  const takeover = new Takeover();
  for (const { path, why } of refused) takeover.refuse(path, "", `the file is left out: ${why}`);
  takeSettings(takeover, crio, "crio", rootRules);
  takeSettings(takeover, tableAt(crio, "runtime"), "crio.runtime", runtimeRules);
  takeSettings(takeover, tableAt(crio, "image"), "crio.image", imageRules);
  takeSettings(takeover, tableAt(crio, "network"), "crio.network", networkRules);
  takeCrioRuntimes(takeover, tableAt(crio, "runtime"), root);
  takeNri(takeover, tableAt(crio, "nri"));
  if (tableAt(crio, "metrics")["enable_metrics"] === true)
    takeover.refuse(
      "crio.metrics.enable_metrics",
      true,
      "crib has no endpoint of its own: containers' metrics come through the kubelet",
    );
  if (tableAt(crio, "tracing")["enable_tracing"] === true)
    takeover.refuse("crio.tracing.enable_tracing", true, "crib sends no traces yet");
  takeCrioRegistries(takeover, registries);
  return takeover;
}

/** A path without its last slash, as crib has them. */
function trimmed(value: unknown): unknown {
  return typeof value === "string" && value.length > 1 ? value.replace(/\/+$/, "") : value;
}

function takeNri(takeover: Takeover, nri: ForeignTable): void {
  if (nri["enable_nri"] === false) return;
  const socket = textAt(nri, "nri_listen") || "/var/run/nri/nri.sock";
  takeover.take("crio.nri.nri_listen", socket, { nri: { socket } });
  takeSettings(takeover, nri, "crio.nri", nriRules);
}
