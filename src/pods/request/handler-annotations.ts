import type { RuntimeHandlerConfig } from "../../config/runtime-handler.ts";
import type { RuntimeSpec } from "../../oci/runtime-spec.ts";

type Annotations = Readonly<Record<string, string>>;

/**
 * The document with the annotations that its handler lets through. None does unless the node's configuration names it: runtimes
 * act on some, and pods' authors write them (CVE-2024-3154, CVE-2023-6476). crib's own are never replaced.
 */
export function withHandlerAnnotations(
  spec: RuntimeSpec,
  handler: Pick<RuntimeHandlerConfig, "podAnnotations" | "containerAnnotations">,
  asked: { readonly pod: Annotations; readonly container: Annotations },
): RuntimeSpec {
  const letThrough = {
    ...named(asked.pod, handler.podAnnotations),
    ...named(asked.container, handler.containerAnnotations),
  };
  if (Object.keys(letThrough).length === 0) return spec;
  return { ...spec, annotations: { ...letThrough, ...spec.annotations } };
}

function named(annotations: Annotations, patterns: readonly string[]): Annotations {
  const matches = patterns.map(toExpression);
  return Object.fromEntries(Object.entries(annotations).filter(([name]) => matches.some((one) => one.test(name))));
}

/** "*" stands for any text, and nothing else for anything but itself. */
function toExpression(pattern: string): RegExp {
  return new RegExp(`^${pattern.split("*").map(RegExp.escape).join(".*")}$`, "s");
}
