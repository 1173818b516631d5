import { managedFile, scriptFile, scriptPath } from "../remote/bundle";
import type { ManagedFile, Step } from "../remote/bundle";

/** The certificate that a machine's HAProxy shows, beside its configuration. */
export const CERTIFICATE_FILE = "tls/services.pem";

export interface ServerCertificate {
  /** The certificate and those above it, PEM. */
  readonly chain: string;
  /** PEM, secret. */
  readonly key: string;
}

/** The files of a machine's HAProxy, staged: haproxy.sh takes them into service once HAProxy has accepted them. */
export function haproxyFiles(
  service: string,
  configuration: string,
  trust: { readonly rootCertificate: string; readonly certificate?: ServerCertificate | undefined },
): readonly ManagedFile[] {
  const folder = "/etc/platform/haproxy";
  return [
    managedFile(`${folder}/haproxy.cfg`, configuration),
    managedFile(`${folder}/tls/ca.pem`, trust.rootCertificate),
    ...(trust.certificate === undefined
      ? []
      : [managedFile(`${folder}/${CERTIFICATE_FILE}`, `${trust.certificate.chain}${trust.certificate.key}`, "0600")]),
    scriptFile(service, __dirname, "haproxy.sh"),
  ];
}

export function haproxyStep(service: string): Step {
  return { name: "HAProxy", path: scriptPath(service, "haproxy.sh"), timeoutSeconds: 120 };
}
