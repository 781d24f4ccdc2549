// To be imported only where a certificate is to be made: few processes do, and the library is large. Of the agent it imports
// types alone, so that the build puts it, and nothing else, into a file of its own.
import './reflect.ts';
import { webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { Issued, Wanted } from './certificate-set.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;

/**
 * A certificate for these names, and that of an authority which has signed it and nothing else: the authority's key is
 * forgotten at once, so that nobody can ever sign with it.
 */
export async function makeCertificate({ names, from, until }: Wanted): Promise<Issued> {
  const [authorityKeys, keys] = await Promise.all([newKeys(), newKeys()]);
  const validity = { notBefore: new Date(from), notAfter: new Date(until) };
  const authorityId = await SubjectKeyIdentifierExtension.create(
    authorityKeys.publicKey,
    false,
    webcrypto,
  );
  const authority = await X509CertificateGenerator.createSelfSigned(
    {
      ...validity,
      // Of several authorities in a bundle a client looks for the one of this name.
      name: `CN=bind9-agent webhook ${authorityId.keyId.slice(0, 16)}`,
      keys: authorityKeys,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign, true),
        authorityId,
      ],
    },
    webcrypto,
  );
  const certificate = await X509CertificateGenerator.create(
    {
      ...validity,
      // The longest of them may not fit into a common name.
      subject: 'CN=bind9-agent webhook',
      issuer: authority.subject,
      publicKey: keys.publicKey,
      signingKey: authorityKeys.privateKey,
      signingAlgorithm: algorithm,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
        new SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
        ),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
        await AuthorityKeyIdentifierExtension.create(authorityKeys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  return {
    authority: pem(authority.rawData, 'CERTIFICATE'),
    certificate: pem(certificate.rawData, 'CERTIFICATE'),
    key: pem(key, 'PRIVATE KEY'),
  };
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

const pem = (raw: ArrayBuffer, tag: string): string => `${PemConverter.encode(raw, tag).trim()}\n`;
