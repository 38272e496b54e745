import configToml from "../../../packaging/config.toml" with { type: "text" };
import cribService from "../../../packaging/crib.service" with { type: "text" };
import crictlYaml from "../../../packaging/crictl.yaml" with { type: "text" };

/** The files of `packaging/`, carried inside the executable so that it installs itself. */
export const packagedFiles: { readonly config: string; readonly service: string; readonly crictl: string } = {
  config: configToml as string,
  service: cribService as string,
  crictl: crictlYaml as string,
};
