import type { ByArchitecture, KernelNumbers, Literal, Numbers, NumberTable } from "./number-table.ts";

const note = "/* Made of ffi/numbers.json: change that, then `npm run gen`. */\n";

const guarded = (name: string, ...parts: readonly string[]): string =>
  [`${note}#ifndef ${name}\n#define ${name}\n`, ...parts, "#endif\n"].join("\n");

function enumOf(name: string, prefix: string, numbers: Numbers): string {
  const members = Object.entries(numbers).map(([member, value]) => `\t${prefix}${member.toUpperCase()} = ${value},`);
  return `enum ${name} {\n${members.join("\n")}\n};\n`;
}

export function wireHeader(table: NumberTable): string {
  const { protocol, plan } = table;
  const defines = [
    `#define PROTOCOL_MAGIC ${protocol.magic}u`,
    `#define PROTOCOL_OLDEST ${protocol.versions[0]}`,
    `#define PROTOCOL_NEWEST ${protocol.versions.at(-1)}`,
    `#define PLAN_MAGIC ${plan.magic}u`,
    `#define PLAN_VERSION ${plan.version}`,
  ];
  return guarded(
    "CRIB_WIRE_NUMBERS_H",
    `${defines.join("\n")}\n`,
    enumOf("frame_kind", "FRAME_", table.frames),
    enumOf("plan_step_kind", "STEP_", table.steps),
    enumOf("plan_pid_namespace", "PLAN_PIDNS_", table.pid_namespaces),
    enumOf("plan_propagation", "PROPAGATION_", table.propagations),
    enumOf("plan_device_type", "DEVICE_", table.device_types),
    enumOf("plan_lsm", "LSM_", table.lsms),
    enumOf("report_kind", "REPORT_", table.reports),
  );
}

export function jobHeader({ jobs, file_operations }: NumberTable): string {
  return guarded(
    "CRIB_LIBCRIB_NUMBERS_H",
    enumOf("crib_job_kind", "CRIB_JOB_", jobs),
    enumOf("file_operation", "OP_", file_operations),
  );
}

export function layerHeader({ layer_orders, layer_replies, layer_failures }: NumberTable): string {
  return guarded(
    "CRIB_LAYERS_NUMBERS_H",
    enumOf("order_kind", "ORDER_", layer_orders),
    enumOf("reply_kind", "REPLY_", layer_replies),
    enumOf("failure_kind", "FAILED_", layer_failures),
  );
}

const isByArchitecture = (value: Literal | ByArchitecture): value is ByArchitecture => typeof value === "object";

/** An assertion where the header that has the name is included; a name of a newer kernel may be in none. */
const assertion = (name: string, value: Literal): string =>
  `#ifdef ${name}\n_Static_assert(${name} == ${value === 0 ? 0 : `0x${Number(value).toString(16)}`}, "ffi/numbers.json: ${name}");\n#endif`;

function assertionsOf(numbers: KernelNumbers, arch: keyof ByArchitecture | undefined): readonly string[] {
  return Object.entries(numbers).flatMap(([name, value]) => {
    if (isByArchitecture(value)) return arch === undefined ? [] : [assertion(name, value[arch])];
    return arch === undefined ? [assertion(name, value)] : [];
  });
}

/** The kernel's headers have these numbers for C; TypeScript has them from the table, and a compiler says whether it is right. */
export function kernelHeader({ kernel }: NumberTable): string {
  const all: KernelNumbers = Object.assign({}, ...Object.values(kernel));
  const same = assertionsOf(all, undefined).join("\n");
  const x64 = assertionsOf(all, "x64").join("\n");
  const arm64 = assertionsOf(all, "arm64").join("\n");
  return guarded(
    "CRIB_KERNEL_NUMBERS_H",
    `${same}\n`,
    `#if defined(__x86_64__)\n${x64}\n#elif defined(__aarch64__)\n${arm64}\n#else\n#error "ffi/numbers.json lacks this architecture"\n#endif\n`,
  );
}
