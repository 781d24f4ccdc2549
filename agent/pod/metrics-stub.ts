export class Metrics {
  constructor(_: unknown) {}
  observePass(_: number) {}
  countStatusWrite(_: string) {}
  observeControlCommand(_: string, _s: number) {}
  observeTransfer(_: unknown) {}
}
