import { request } from "node:https";
import { parse } from "yaml";
import { ACCESS_NAMESPACE, AUDITOR } from "../clusters/auditor";
import { ConfigError } from "../config/problems";
import { isRecord } from "../shared/json";
import { toYaml } from "../shared/yaml";

const SECONDS = 30;
const SECONDS_PER_HOUR = 3600;

interface KubeConfig {
  readonly clusters: readonly { readonly cluster: { readonly server: string; readonly "certificate-authority-data": string } }[];
  readonly users: readonly { readonly user: { readonly "client-certificate-data": string; readonly "client-key-data": string } }[];
}

interface Grant {
  readonly token: string;
  /** RFC 3339. */
  readonly until: string;
}

function refuse(message: string, remedy: string): ConfigError {
  return new ConfigError("the cluster", [{ path: "--auditor", message, remedy }]);
}

/** Asks the API server, as the administrator, for a token of the auditor's account that ends by itself. @throws ConfigError */
function requestToken(
  cluster: KubeConfig["clusters"][number]["cluster"],
  user: KubeConfig["users"][number]["user"],
  hours: number,
): Promise<Grant> {
  const url = new URL(`/api/v1/namespaces/${ACCESS_NAMESPACE}/serviceaccounts/${AUDITOR}/token`, cluster.server);
  const body = JSON.stringify({
    apiVersion: "authentication.k8s.io/v1",
    kind: "TokenRequest",
    spec: { expirationSeconds: hours * SECONDS_PER_HOUR },
  });
  const decoded = (text: string): Buffer => Buffer.from(text, "base64");
  const options = {
    method: "POST",
    ca: decoded(cluster["certificate-authority-data"]),
    cert: decoded(user["client-certificate-data"]),
    key: decoded(user["client-key-data"]),
    timeout: SECONDS * 1000,
    headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) },
  };
  return new Promise((resolve, reject) => {
    const call = request(url, options, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => {
        const text = Buffer.concat(parts).toString();
        const answer: unknown = text.startsWith("{") ? JSON.parse(text) : {};
        const status = isRecord(answer) && isRecord(answer["status"]) ? answer["status"] : {};
        if (typeof status["token"] === "string") resolve({ token: status["token"], until: String(status["expirationTimestamp"]) });
        else
          reject(
            refuse(
              `${url.host} answered ${String(response.statusCode)}: ${text.slice(0, 300)}`,
              "Run pulumi up first: it makes the account",
            ),
          );
      });
    });
    call.on("timeout", () => call.destroy(new Error(`no answer within ${SECONDS} s`)));
    call.on("error", (error) => {
      reject(refuse(`${url.host}: ${error.message}`, "Run it where the cluster's address can be reached on port 6443"));
    });
    call.end(body);
  });
}

/**
 * A kubeconfig that reads everything but secrets, good for `hours`, or for less where the API server grants less.
 * @param administrator the administrator's own kubeconfig of that cluster
 * @throws ConfigError when the cluster cannot be asked
 */
export async function auditorKubeconfig(administrator: string, hours: number): Promise<{ readonly text: string; readonly until: string }> {
  const { clusters, users } = parse(administrator) as KubeConfig;
  const [cluster, user] = [clusters[0]?.cluster, users[0]?.user];
  if (cluster === undefined || user === undefined) throw refuse("its kubeconfig names no cluster or no user", "Run pulumi up again");
  const { token, until } = await requestToken(cluster, user, hours);
  const text = toYaml({
    apiVersion: "v1",
    kind: "Config",
    clusters: [
      { name: "default", cluster: { server: cluster.server, "certificate-authority-data": cluster["certificate-authority-data"] } },
    ],
    contexts: [{ name: "default", context: { cluster: "default", user: AUDITOR } }],
    "current-context": "default",
    users: [{ name: AUDITOR, user: { token } }],
  });
  return { text, until };
}
