import { isIP } from "node:net";
import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { CribError, invalidArgument } from "../errors/crib-error.ts";
import { parseHostPath } from "../ids/path.ts";
import { parseListenAddress } from "./listen-address.ts";

/** A value that one of our parsers checks: its message becomes the issue's. */
function parsed<T>(parser: (text: string) => T) {
  return z.string().transform((text, context) => {
    try {
      return parser(text);
    } catch (error) {
      if (!CribError.is(error)) throw error;
      context.addIssue({ code: "custom", message: error.message });
      return z.NEVER;
    }
  });
}

const path = parsed((text) => parseHostPath(text));

/** Interface names: IFNAMSIZ is 16 with the NUL. */
const interfaceName = z.string().regex(/^[A-Za-z0-9._-]{1,15}$/, "is not an interface name of at most 15 characters");

const ipv4Subnet = z.string().refine((text) => {
  const [address = "", bits = "", rest] = text.split("/");
  return isIP(address) === 4 && rest === undefined && /^(?:[89]|1[0-9]|2[0-9]|30)$/.test(bits);
}, 'is not an IPv4 subnet such as "10.88.0.0/16"');

/** As the RuntimeClass API has it: a DNS label. */
const handlerName = z.string().regex(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "is not a handler name");

const annotationPattern = z.string().min(1);

const ofEveryHandler = {
  pod_annotations: z.array(annotationPattern).optional(),
  container_annotations: z.array(annotationPattern).optional(),
  privileged_without_host_devices: z.boolean().optional(),
};

const runtimeHandler = z.discriminatedUnion(
  "type",
  [
    z.strictObject({ type: z.literal("native"), ...ofEveryHandler }),
    z.strictObject({
      type: z.literal("oci"),
      path,
      args: z.array(z.string().min(1)).optional(),
      ...ofEveryHandler,
    }),
    z.strictObject({
      type: z.literal("shim-v2"),
      path,
      sandbox_container: z.boolean().optional(),
      options: z
        .strictObject({
          binary_name: z.string().min(1).optional(),
          root: path.optional(),
          systemd_cgroup: z.boolean().optional(),
          config_path: path.optional(),
          type_url: z.string().min(1).optional(),
        })
        .optional(),
      ...ofEveryHandler,
    }),
  ],
  {
    error: (issue) =>
      issue.code === "invalid_union"
        ? 'is no type that crib knows: "native" is its own runtime, "oci" the command line of another, "shim-v2" a shim as containerd has them'
        : undefined,
  },
);

const seconds = z.number().int().min(1).max(86_400);

/** config.toml as it is written: snake_case, units in the names, every key optional, none unknown. */
const schema = z.strictObject({
  root: path.optional(),
  state: path.optional(),
  listen: z.array(parsed(parseListenAddress)).min(1).optional(),
  containerd_api: z.strictObject({ sockets: z.enum(["auto", "all", "none"]).optional() }).optional(),
  log: z
    .strictObject({
      level: z.enum(["trace", "debug", "info", "warn", "error"]).optional(),
      format: z.enum(["text", "json"]).optional(),
    })
    .optional(),
  cgroup: z
    .strictObject({
      driver: z.enum(["cgroupfs", "systemd"]).optional(),
      default_parent: path.optional(),
    })
    .optional(),
  cni: z
    .strictObject({
      config_dir: path.optional(),
      bin_dirs: z.array(path).min(1).optional(),
      plugin_timeout_seconds: seconds.optional(),
    })
    .optional(),
  network: z
    .strictObject({
      bridge: interfaceName.optional(),
      subnet: ipv4Subnet.or(z.literal("")).optional(),
      mtu: z
        .number()
        .int()
        .refine(
          (mtu) => mtu === 0 || (mtu >= 576 && mtu <= 65_535),
          "is neither 0 (automatic) nor between 576 and 65535",
        )
        .optional(),
      anti_spoofing: z.boolean().optional(),
    })
    .optional(),
  registry: z
    .strictObject({
      hosts_dirs: z.array(path).optional(),
      docker_config: path.or(z.literal("")).optional(),
      max_concurrent_downloads: z.number().int().min(1).max(64).optional(),
      max_concurrent_downloads_per_registry: z.number().int().min(1).max(64).optional(),
      stall_timeout_seconds: seconds.optional(),
    })
    .optional(),
  images: z
    .strictObject({
      pinned: z.array(z.string().min(1)).optional(),
      layer_store: z.enum(["auto", "directories", "erofs"]).optional(),
      trust_policy: path.or(z.literal("")).optional(),
      check_interval_hours: z
        .number()
        .int()
        .min(0)
        .max(24 * 366)
        .optional(),
    })
    .optional(),
  cdi: z.strictObject({ spec_dirs: z.array(path).optional() }).optional(),
  nri: z
    .strictObject({
      socket: path.or(z.literal("")).optional(),
      config_dir: path.optional(),
      registration_timeout_seconds: seconds.optional(),
      request_timeout_seconds: seconds.optional(),
    })
    .optional(),
  runtime: z
    .strictObject({
      default_handler: handlerName.optional(),
      handlers: z.record(handlerName, runtimeHandler).optional(),
      seccomp_profile_root: path.optional(),
      apparmor_default_profile: z.boolean().optional(),
      renew_monitors: z.boolean().optional(),
      image_volumes: z.enum(["copy", "tmpfs", "none"]).optional(),
      exec_output_limit_bytes: z
        .number()
        .int()
        .min(1024)
        .max(16 * 1024 * 1024)
        .optional(),
    })
    .optional(),
  streaming: z
    .strictObject({
      address: z
        .string()
        .refine((text) => isIP(text) !== 0, "is not an IP address")
        .optional(),
      port: z.number().int().min(0).max(65_535).optional(),
      tls_cert_file: path.or(z.literal("")).optional(),
      tls_key_file: path.or(z.literal("")).optional(),
      idle_timeout_seconds: seconds.optional(),
    })
    .optional(),
});

export type ConfigFile = z.output<typeof schema>;
export type RuntimeHandlerFile = z.output<typeof runtimeHandler>;

/** @throws {CribError} invalid-argument naming the file and the key, or the line for TOML that is none. */
export function parseConfigFile(file: string, text: string): ConfigFile {
  let document: unknown;
  try {
    document = parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw invalidArgument(`${file}:${error.line}:${error.column}: ${firstLine(error.message)}`, error);
  }
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  throw invalidArgument(`${file}: ${result.error.issues.map(explainIssue).join("; ")}`);
}

function explainIssue(issue: z.core.$ZodIssue): string {
  const key = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    return issue.keys
      .map((unknown) => `unknown key ${JSON.stringify(key === "" ? unknown : `${key}.${unknown}`)}`)
      .join("; ");
  }
  if (issue.code === "invalid_key") return issue.issues.map(({ message }) => `${key}: ${message}`).join("; ");
  return `${key === "" ? "" : `${key}: `}${issue.message}`;
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
