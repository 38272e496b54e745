import type { ByArchitecture, KernelNumbers, Literal, Numbers, NumberTable } from "./number-table.ts";

const note = "// Made of ffi/numbers.json: change that, then `npm run gen`.\n";

const camel = (name: string): string => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const kebab = (name: string): string => {
  const spelled = name.replaceAll("_", "-");
  return spelled.includes("-") ? `"${spelled}"` : spelled;
};

function objectOf(name: string, numbers: Numbers, spell: (name: string) => string = camel): string {
  const members = Object.entries(numbers).map(([member, value]) => `  ${spell(member)}: ${value},`);
  return `export const ${name} = {\n${members.join("\n")}\n} as const;\n`;
}

const moduleOf = (...parts: readonly string[]): string => [note, ...parts].join("\n");

export function wireModule(table: NumberTable): string {
  const { magic, versions } = table.protocol;
  return moduleOf(
    objectOf("protocol", { magic, oldest: versions[0] ?? 0, newest: versions.at(-1) ?? 0 }),
    objectOf("plan", table.plan),
    objectOf("FrameKind", table.frames),
    objectOf("stepNumbers", table.steps, kebab),
    objectOf("pidNamespaces", table.pid_namespaces),
    objectOf("propagations", table.propagations),
    objectOf("deviceTypes", table.device_types),
    objectOf("lsms", table.lsms),
  );
}

export function jobModule({ jobs, file_operations }: NumberTable): string {
  return moduleOf(objectOf("JobKind", jobs), objectOf("fileOperations", file_operations));
}

export function layerModule({ layer_orders, layer_replies, layer_failures }: NumberTable): string {
  return moduleOf(
    objectOf("layerOrders", layer_orders),
    objectOf("layerReplies", layer_replies),
    objectOf("layerFailures", layer_failures),
  );
}

const isByArchitecture = (value: Literal | ByArchitecture): value is ByArchitecture => typeof value === "object";

function constantsOf(comment: string, numbers: KernelNumbers): string {
  const lines = Object.entries(numbers).map(
    ([name, value]) => `export const ${name} = ${isByArchitecture(value) ? `ofArchitecture.${name}` : value};`,
  );
  return `// ${comment}\n${lines.join("\n")}\n`;
}

function choiceOf(numbers: KernelNumbers): string {
  const of = (arch: keyof ByArchitecture): string => {
    const members = Object.entries(numbers).flatMap(([name, value]) =>
      isByArchitecture(value) ? [`    ${name}: ${value[arch]},`] : [],
    );
    return `  ${arch}: {\n${members.join("\n")}\n  },`;
  };
  return [
    "/** arm64 has arm's numbers (arch/arm64/include/uapi/asm/fcntl.h): x86's O_NOFOLLOW stands there for O_LARGEFILE. */",
    `const byArchitecture = {\n${of("x64")}\n${of("arm64")}\n};\n`,
    "/** The flags whose numbers differ between architectures. */",
    'export function archOpenFlags(arch: string): (typeof byArchitecture)["x64" | "arm64"] {',
    '  return arch === "arm64" ? byArchitecture.arm64 : byArchitecture.x64;\n}\n',
    "const ofArchitecture = archOpenFlags(process.arch);\n",
  ].join("\n");
}

export function openModule({ kernel }: NumberTable): string {
  return moduleOf(
    'import type { Fd } from "../ids/process.ts";\n',
    choiceOf(kernel.open),
    constantsOf("open(2) flags; O_CLOEXEC is added by the kernel adapter and absent on purpose.", kernel.open),
    '/** The `*at` family: "relative to the working directory". */\nexport const AT_FDCWD = -100 as Fd;\n',
    constantsOf("renameat2(2).", kernel.rename),
    constantsOf("`st_mode`: the file type under `S_IFMT`, then the special bits.", kernel.modes),
  );
}

export function mountModule({ kernel }: NumberTable): string {
  const attributes =
    "`MOUNT_ATTR_*` of fsmount(2) and mount_setattr(2). ATIME is a field of three bits, whose zero means relatime.";
  return moduleOf(
    constantsOf("mount(2) flags.", kernel.mount),
    constantsOf("umount2(2) flags.", kernel.umount),
    constantsOf(attributes, kernel.mount_attributes),
  );
}

export function cloneModule({ kernel }: NumberTable): string {
  return moduleOf(constantsOf("Namespace flags of clone(2), unshare(2) and setns(2).", kernel.clone));
}

export function resolveModule({ kernel }: NumberTable): string {
  const comment =
    "openat2(2) `resolve`: how far a path may lead. IN_ROOT takes every `..`, absolute path and absolute symlink inside `dir`.";
  return moduleOf(constantsOf(comment, kernel.resolve));
}
