import { invalidArgument } from "../../errors/crib-error.ts";
import type { LinuxPodSandboxConfig, PodSandboxConfig, PortMapping } from "../../gen/runtime/v1/api_pb.ts";
import { NamespaceMode } from "../../gen/runtime/v1/api_pb.ts";
import { checkAddress, checkHostname, checkHostPath, checkName, checkPort, checkResolverWord } from "./fields.ts";
import { checkLinuxResources } from "./resources.ts";
import { checkIdentity, checkNamespaces, checkNoCgroupNamespace, checkSecurityProfile } from "./security-context.ts";

/** @throws {CribError} invalid-argument; nothing has happened yet. */
export function requireSandboxConfig(config: PodSandboxConfig | undefined, field = "config"): PodSandboxConfig {
  if (config === undefined) throw invalidArgument(`${field} is required`);
  if (config.metadata === undefined) throw invalidArgument(`${field}.metadata is required`);
  checkName(config.metadata.name, `${field}.metadata.name`);
  checkName(config.metadata.namespace, `${field}.metadata.namespace`);
  checkName(config.metadata.uid, `${field}.metadata.uid`);
  checkHostname(config.hostname, `${field}.hostname`);
  if (config.logDirectory !== "") checkHostPath(config.logDirectory, `${field}.log_directory`);
  for (const server of config.dnsConfig?.servers ?? []) checkAddress(server, `${field}.dns_config.servers`);
  for (const search of config.dnsConfig?.searches ?? []) checkResolverWord(search, `${field}.dns_config.searches`);
  for (const option of config.dnsConfig?.options ?? []) checkResolverWord(option, `${field}.dns_config.options`);
  for (const [index, mapping] of config.portMappings.entries()) {
    checkPortMapping(mapping, `${field}.port_mappings[${index}]`);
  }
  if (config.linux !== undefined) checkLinux(config.linux, `${field}.linux`);
  return config;
}

function checkPortMapping(mapping: PortMapping, field: string): void {
  checkPort(mapping.containerPort, `${field}.container_port`, mapping.hostPort === 0 ? 0 : 1);
  checkPort(mapping.hostPort, `${field}.host_port`, 0);
  if (mapping.hostIp !== "") checkAddress(mapping.hostIp, `${field}.host_ip`);
}

function checkLinux(linux: LinuxPodSandboxConfig, field: string): void {
  checkCgroupParent(linux.cgroupParent, `${field}.cgroup_parent`);
  for (const [key, value] of Object.entries(linux.sysctls)) checkSysctl(key, value, `${field}.sysctls`);
  if (linux.overhead !== undefined) checkLinuxResources(linux.overhead, `${field}.overhead`);
  if (linux.resources !== undefined) checkLinuxResources(linux.resources, `${field}.resources`);
  const security = linux.securityContext;
  if (security === undefined) return;
  checkIdentity(security, `${field}.security_context`);
  checkSecurityProfile(security.seccomp, `${field}.security_context.seccomp`, "seccomp");
  checkSecurityProfile(security.apparmor, `${field}.security_context.apparmor`, "apparmor");
  const namespaces = security.namespaceOptions;
  if (namespaces === undefined) return;
  checkNamespaces(namespaces, `${field}.security_context.namespace_options`);
  checkNoCgroupNamespace(namespaces, `${field}.security_context.namespace_options`);
  if (namespaces.pid === NamespaceMode.TARGET) {
    throw invalidArgument(`${field}.security_context.namespace_options.pid: TARGET is for containers, not for a pod`);
  }
}

/** A cgroupfs path ("/kubepods/burstable/pod…") or a systemd slice ("kubepods-burstable.slice"); "" is the default. */
function checkCgroupParent(value: string, field: string): void {
  if (value === "") return;
  if (/^[A-Za-z0-9:_.\\-]+\.slice$/.test(value) && !value.includes("..")) return;
  checkHostPath(value, field);
  if (/\p{Cc}/u.test(value)) throw invalidArgument(`${field} contains a control character`);
}

/** Form only; which keys a pod may set is decided where its namespaces are known. */
function checkSysctl(key: string, value: string, field: string): void {
  if (!/^[A-Za-z0-9_*-]+(?:[./][A-Za-z0-9_*:@-]+)*$/.test(key)) {
    throw invalidArgument(`${field}: ${JSON.stringify(key.slice(0, 120))} is not the name of a sysctl`);
  }
  if (/[\p{Cc}]/u.test(value.replaceAll("\t", " "))) {
    throw invalidArgument(`${field}[${JSON.stringify(key)}]: the value contains a control character`);
  }
}
