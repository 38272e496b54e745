import { chownSync, existsSync, readFileSync } from "node:fs";
import { hasErrno } from "../../errors/has-errno.ts";
import type { HostPath } from "../../ids/path.ts";
import { joinHostPath } from "../../ids/path.ts";
import { writeWithMode } from "../../kernel/exact-modes.ts";
import type { UserNamespace } from "../../oci/user-namespace.ts";
import type { PodSpec } from "../../spec/pod-spec.ts";
import { podRoot } from "./pod-root.ts";

/** Where a sandbox keeps the files its containers see. */
export interface SandboxFiles {
  /** A file system of its own with the three files: containers may write them, and must not fill the node's /run. */
  readonly etc: HostPath;
  readonly hosts: HostPath;
  readonly resolvConf: HostPath;
  readonly hostname: HostPath;
  readonly shm: HostPath;
}

export function sandboxFiles(directory: HostPath): SandboxFiles {
  const etc = joinHostPath(directory, "etc");
  return { etc, ...namesIn(etc), shm: joinHostPath(directory, "shm") };
}

/** The same of a sandbox that is there: one that an older crib made has its files beside its socket. */
export function existingSandboxFiles(directory: HostPath): SandboxFiles {
  const files = sandboxFiles(directory);
  return existsSync(files.etc) ? files : { ...files, ...namesIn(directory) };
}

function namesIn(parent: HostPath): Pick<SandboxFiles, "hosts" | "resolvConf" | "hostname"> {
  return {
    hosts: joinHostPath(parent, "hosts"),
    resolvConf: joinHostPath(parent, "resolv.conf"),
    hostname: joinHostPath(parent, "hostname"),
  };
}

/**
 * Writes hostname, hosts and resolv.conf of a sandbox, readable to any user of the container.
 *
 * The kubelet mounts its own hosts file over ours; the one here serves bare CRI clients. With no DNS configuration the
 * host's resolv.conf is taken as it is, as containerd does.
 */
export function writeSandboxFiles(
  directory: HostPath,
  config: PodSpec,
  hostname: string,
  ips: readonly string[],
  userNamespace: UserNamespace | undefined,
): void {
  const files = sandboxFiles(directory);
  const root = podRoot(userNamespace);
  const write = (path: HostPath, text: string) => {
    writeWithMode(path, text, 0o644);
    if (root !== undefined) chownSync(path, root.uid, root.gid);
  };
  write(files.hostname, `${hostname}\n`);
  write(files.hosts, hostsText(hostname, ips));
  write(files.resolvConf, resolvConfText(config));
}

function hostsText(hostname: string, ips: readonly string[]): string {
  const lines = [
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "ff00::0\tip6-mcastprefix",
    "ff02::1\tip6-allnodes",
    "ff02::2\tip6-allrouters",
    ...ips.flatMap((ip) => hostnameLine(ip, hostname)),
  ];
  return `${lines.join("\n")}\n`;
}

/** A name the kernel takes may have blanks or a "#" in it: here it would be two names, or half a comment. */
function hostnameLine(ip: string, hostname: string): readonly string[] {
  if (!/^[^\s\p{Cc}#]+$/u.test(hostname)) return [];
  const withoutDot = hostname.replace(/\.$/, "");
  const names = withoutDot === hostname || withoutDot === "" ? [hostname] : [withoutDot, hostname];
  return [`${ip}\t${names.join("\t")}`];
}

function resolvConfText(config: PodSpec): string {
  const dns = config.dnsConfig;
  if (dns === undefined || (dns.servers.length === 0 && dns.searches.length === 0 && dns.options.length === 0)) {
    try {
      return readFileSync("/etc/resolv.conf", "utf8");
    } catch (error) {
      if (hasErrno(error, "ENOENT")) return "";
      throw error;
    }
  }
  const lines: string[] = [];
  if (dns.searches.length > 0) lines.push(`search ${dns.searches.join(" ")}`);
  lines.push(...dns.servers.map((server) => `nameserver ${server}`));
  if (dns.options.length > 0) lines.push(`options ${dns.options.join(" ")}`);
  return `${lines.join("\n")}\n`;
}
