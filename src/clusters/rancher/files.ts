import type { PlatformConfig } from "../../config/schema";
import { serviceHost } from "../../network/dns";
import type { PlatformPlan } from "../../plan/platform-plan";
import { artifactVersion } from "../../remote/artifact";
import { managedFile, scriptFile, scriptPath } from "../../remote/bundle";
import type { Bundle } from "../../remote/bundle";

const SERVICE = "rancher";
const FOLDER = "/etc/platform/rancher";

/** What the scripts share. */
function common(config: PlatformConfig, plan: PlatformPlan): { readonly host: string; readonly address: string } {
  const address = plan.virtualAddresses.find((each) => each.name === "lblan");
  if (address === undefined) throw new RangeError("the plan has no address for LBLAN");
  return { host: serviceHost(config, "rancher"), address: address.ip };
}

/** On a server of MIDDLEWARE: waits until Helm has installed this Rancher and it answers under its own name. */
export function rancherReadyBundle(config: PlatformConfig, plan: PlatformPlan, values: Readonly<Record<string, unknown>>): Bundle {
  const settings = { ...common(config, plan), version: artifactVersion(config, "rancher"), values };
  return {
    name: `${SERVICE}-ready`,
    files: [
      managedFile(`${FOLDER}/ready.json`, `${JSON.stringify(settings)}\n`, "0600"),
      scriptFile(SERVICE, __dirname, "rancher-ready.py"),
      scriptFile(SERVICE, __dirname, "rancher_cluster.py"),
    ],
    steps: [{ name: "rancher", path: scriptPath(SERVICE, "rancher-ready.py"), timeoutSeconds: 4000 }],
  };
}

/** On a server of the cluster to import: its agent, once, from Rancher's own manifest, and waits until the agent is connected. */
export function importBundle(
  config: PlatformConfig,
  plan: PlatformPlan,
  cluster: { readonly id: string; readonly manifestUrl: string },
): Bundle {
  return {
    name: `${SERVICE}-import`,
    files: [
      managedFile(`${FOLDER}/import.json`, `${JSON.stringify({ ...common(config, plan), ...cluster })}\n`, "0600"),
      scriptFile(SERVICE, __dirname, "import-cluster.py"),
      scriptFile(SERVICE, __dirname, "rancher_cluster.py"),
    ],
    steps: [{ name: "import", path: scriptPath(SERVICE, "import-cluster.py"), timeoutSeconds: 1500 }],
  };
}

/** On a server of MIDDLEWARE: waits until Rancher itself calls the imported clusters active. */
export function clustersActiveBundle(clusters: readonly { readonly id: string; readonly name: string }[]): Bundle {
  return {
    name: `${SERVICE}-clusters`,
    files: [
      managedFile(`${FOLDER}/clusters.json`, `${JSON.stringify({ clusters })}\n`, "0600"),
      scriptFile(SERVICE, __dirname, "clusters-active.py"),
      scriptFile(SERVICE, __dirname, "rancher_cluster.py"),
    ],
    steps: [{ name: "clusters", path: scriptPath(SERVICE, "clusters-active.py"), timeoutSeconds: 2500 }],
  };
}
