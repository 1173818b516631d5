import { prefixed } from "../../sizing/plan";

/** One record of the platform's zone. */
export interface DnsRecord {
  /** Fully qualified, without the final dot. */
  readonly name: string;
  readonly ip: string;
  readonly why: string;
}

/** A name under which people or programs reach a service of the platform. */
export interface ServiceName {
  readonly label: string;
  /** The virtual address it resolves to. */
  readonly via: "lblan" | "lbdmz";
  readonly product?: "eservices" | "gco";
}

/** Every service name of the platform. */
export const SERVICE_NAMES: readonly ServiceName[] = [
  ...[
    "keycloak",
    "minio-api",
    "minio-ui",
    "akhq",
    "n8n",
    "apim",
    "registry",
    "gogs",
    "vault",
    "rancher",
    "coroot",
    "minio-backup",
    "argocd-apps",
    "argocd-mw",
    "argocd-dmz",
    "gravitee-dmz",
    "neuvector-apps",
    "neuvector-mw",
    "neuvector-dmz",
    "longhorn-apps",
    "longhorn-mw",
  ].map((label): ServiceName => ({ label, via: "lblan" })),
  { label: "flowable", via: "lblan", product: "eservices" },
  { label: "gco", via: "lblan", product: "gco" },
  { label: "ael-client-ui-interne", via: "lblan", product: "eservices" },
  { label: "ael-back-ui", via: "lblan", product: "eservices" },
  { label: "ael-client-ui", via: "lbdmz", product: "eservices" },
  { label: "api", via: "lbdmz" },
  { label: "kafka-mobile", via: "lbdmz" },
];

/** The longest label DNS allows (RFC 1035), and so the longest host name. */
export const LONGEST_LABEL = 63;

/** The longest name DNS allows, without its final dot. */
export const LONGEST_NAME = 253;

/** Whether `text` is a lower-case DNS label: letters, digits, inner hyphens. */
export function isDnsLabel(text: string): boolean {
  return text.length <= LONGEST_LABEL && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(text);
}

/** Whether `text` is a lower-case domain of two labels or more. */
export function isDomain(text: string): boolean {
  const labels = text.split(".");
  return text.length <= LONGEST_NAME && labels.length > 1 && labels.every(isDnsLabel) && !/^\d+$/.test(labels[labels.length - 1] ?? "");
}

export interface DnsInput {
  readonly prefix?: string | undefined;
  readonly domain: string;
  readonly products: readonly string[];
  readonly machines: readonly { readonly name: string; readonly ip: string }[];
  readonly virtualAddresses: readonly { readonly name: string; readonly ip: string; readonly purpose: string }[];
}

/** The service names of the chosen products. */
export function serviceNamesFor(products: readonly string[]): readonly ServiceName[] {
  return SERVICE_NAMES.filter((each) => each.product === undefined || products.includes(each.product));
}

/** Every record that the organisation's DNS must serve, machines first. */
export function planDns(input: DnsInput): readonly DnsRecord[] {
  const qualified = (label: string): string => `${prefixed(input.prefix, label)}.${input.domain}`;
  const virtualIp = new Map(input.virtualAddresses.map((each) => [each.name, each.ip]));
  return [
    ...input.machines.map(({ name, ip }): DnsRecord => ({ name: `${name}.${input.domain}`, ip, why: "machine" })),
    ...input.virtualAddresses.map(({ name, ip, purpose }): DnsRecord => ({ name: qualified(name), ip, why: purpose })),
    ...serviceNamesFor(input.products).map((service): DnsRecord => ({
      name: qualified(service.label),
      ip: virtualIp.get(service.via) ?? "",
      why: `service through ${service.via}`,
    })),
  ];
}

/** The records as a zone file fragment, relative to `domain`, for the team that runs DNS. */
export function renderZoneFile(domain: string, records: readonly DnsRecord[]): string {
  const width = Math.max(...records.map((record) => record.name.length - domain.length));
  const lines = records.map((record) => {
    const label = record.name.slice(0, -(domain.length + 1));
    return `${label.padEnd(width)} IN A ${record.ip.padEnd(15)} ; ${record.why}`;
  });
  return [`; Planned by platform: every edit of the stack file may change it`, `$ORIGIN ${domain}.`, ...lines, ""].join("\n");
}
