import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";
import type { Authority } from "./authority";

export interface CertificateArgs {
  readonly authority: Authority;
  /** The first one is also the common name. */
  readonly dnsNames: readonly string[];
  readonly addresses?: readonly string[];
  /** Another text makes another key and certificate. */
  readonly rotation?: string | undefined;
}

/** A year and a month: browsers refuse more than 398 days. */
const VALID_HOURS = 397 * 24;
/** From then on every `up` renews it. */
const RENEW_BEFORE_HOURS = 60 * 24;

/** A server's key and certificate from the platform's authority, renewed by any `up` in its last two months. */
export class Certificate extends pulumi.ComponentResource {
  /** The certificate and the authorities between it and the root, PEM. */
  public readonly chain: pulumi.Output<string>;
  /** PEM, secret. */
  public readonly key: pulumi.Output<string>;

  constructor(name: string, args: CertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    super("platform:pki:Certificate", name, {}, opts);
    const { authority } = args;
    const own = args.rotation === undefined ? name : `${name}-${args.rotation}`;
    const key = new tls.PrivateKey(`${own}-key`, { algorithm: "ECDSA", ecdsaCurve: "P256" }, { parent: this });
    const request = new tls.CertRequest(
      `${own}-request`,
      {
        privateKeyPem: key.privateKeyPem,
        // A common name holds 64 characters; clients read the names below.
        subject: { commonName: (args.dnsNames[0] ?? name).slice(0, 64) },
        dnsNames: [...args.dnsNames],
        ipAddresses: [...(args.addresses ?? [])],
      },
      { parent: this },
    );
    const certificate = new tls.LocallySignedCert(
      `${own}-certificate`,
      {
        certRequestPem: request.certRequestPem,
        caPrivateKeyPem: authority.issuingKey,
        caCertPem: authority.issuingCertificate,
        allowedUses: ["digital_signature", "key_encipherment", "server_auth"],
        validityPeriodHours: VALID_HOURS,
        earlyRenewalHours: RENEW_BEFORE_HOURS,
      },
      { parent: this },
    );
    this.chain = pulumi.concat(certificate.certPem, authority.intermediates);
    this.key = pulumi.secret(key.privateKeyPem);
    this.registerOutputs({ chain: this.chain });
  }
}
