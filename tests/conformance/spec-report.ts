/** One spec of Ginkgo's JSON report, as far as it is shown. */
export interface SpecResult {
  readonly name: string;
  readonly state: "passed" | "failed" | "skipped";
  readonly message: string;
}

interface RawSpec {
  readonly ContainerHierarchyTexts?: readonly string[] | null;
  readonly LeafNodeType: string;
  readonly LeafNodeText: string;
  readonly State: string;
  readonly Failure?: { readonly Message?: string };
}

/** Reads the report; anything that neither passed nor was skipped (panicked, timed out, interrupted) counts as failed. */
export function readSpecReport(text: string): readonly SpecResult[] {
  const suites = JSON.parse(text) as readonly { readonly SpecReports: readonly RawSpec[] }[];
  const specs = suites.flatMap((suite) => suite.SpecReports).filter((spec) => spec.LeafNodeType === "It");
  return specs.map((spec) => ({
    name: [...(spec.ContainerHierarchyTexts ?? []), spec.LeafNodeText].join(" "),
    state:
      spec.State === "passed" ? "passed" : spec.State === "skipped" || spec.State === "pending" ? "skipped" : "failed",
    message: shortMessage(spec.Failure?.Message ?? ""),
  }));
}

/** Gomega wraps the reason in layers: the innermost gRPC message says most, else the first line has to do. */
function shortMessage(message: string): string {
  const lines = message.split("\n").map((line) => line.trim());
  const remote = /desc = (.*?)"?,?$/.exec(lines.find((line) => line.includes("desc = ")) ?? "")?.[1];
  return [lines.find((line) => line !== ""), remote]
    .filter((part) => part !== undefined)
    .join(" — ")
    .slice(0, 400);
}
