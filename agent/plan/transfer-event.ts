import type { DomainName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import type { TransferReason } from '../report/zone-report.ts';

interface OfZone {
  /** Milliseconds since the epoch, by named's clock. */
  readonly at: number;
  readonly zone: DomainName;
}

interface WithPrimary extends OfZone {
  readonly primary: string;
  readonly port: number;
}

interface WithClient extends OfZone {
  readonly client: string;
  /** The TSIG key that the client signed with. */
  readonly key?: string;
}

interface Amount {
  readonly messages: number;
  readonly records: number;
  readonly bytes: number;
  readonly seconds: number;
}

/** How a primary sends a zone; `AXFR-style IXFR` is a full transfer in answer to an IXFR request. */
export type SentMethod = 'AXFR' | 'IXFR' | 'AXFR-style IXFR';

/** What one line of named's log says about a zone's transfers, as a secondary or as a primary. */
export type TransferEvent =
  | (OfZone & { readonly kind: 'transfer-started' })
  | (OfZone & { readonly kind: 'transfer-deferred'; readonly detail: string })
  | (WithPrimary & { readonly kind: 'transfer-connected'; readonly key?: string })
  | (OfZone & { readonly kind: 'transferred'; readonly serial: Serial; readonly key?: string })
  | (WithPrimary & { readonly kind: 'transfer-succeeded' })
  | (WithPrimary & { readonly kind: 'transfer-not-needed' })
  | (WithPrimary & {
      readonly kind: 'transfer-failed';
      readonly reason: TransferReason;
      readonly detail: string;
    })
  /** The end of an attempt, also of a failed one; `serial` only where data came. */
  | (WithPrimary & Amount & { readonly kind: 'transfer-completed'; readonly serial?: Serial })
  | (WithPrimary & {
      readonly kind: 'refresh-failed';
      readonly reason: TransferReason;
      readonly detail: string;
    })
  | (WithPrimary & {
      readonly kind: 'serial-behind';
      readonly theirs: Serial;
      readonly ours: Serial;
    })
  | (OfZone & { readonly kind: 'no-primaries' })
  | (OfZone & { readonly kind: 'key-missing'; readonly key: string })
  | (OfZone & { readonly kind: 'expired' })
  | (OfZone & { readonly kind: 'loaded'; readonly serial: Serial })
  /** Why a load fails; `not-loaded` follows. */
  | (OfZone & { readonly kind: 'load-problem'; readonly detail: string })
  | (OfZone & { readonly kind: 'not-loaded' })
  | (OfZone & {
      readonly kind: 'notified';
      readonly from: string;
      readonly serial?: Serial;
      readonly key?: string;
    })
  | (OfZone & { readonly kind: 'notify-refused'; readonly from: string })
  | (WithClient & {
      readonly kind: 'send-started';
      readonly method: SentMethod;
      readonly serial: Serial;
      /** An IXFR's first serial. */
      readonly since?: Serial;
    })
  | (WithClient &
      Amount & {
        readonly kind: 'send-ended';
        readonly method: SentMethod;
        readonly serial: Serial;
      })
  | (WithClient & {
      readonly kind: 'send-refused';
      readonly reason: TransferReason;
      readonly detail: string;
    })
  | {
      /** A request whose signature did not verify here. It names no zone. */
      readonly kind: 'bad-signature';
      readonly at: number;
      readonly client: string;
      readonly key: string;
      readonly reason: 'TsigUnknownKey' | 'TsigBadSignature' | 'TsigBadTime';
    };
