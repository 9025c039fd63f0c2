/** What the simulator makes, and of which devices. */

export interface SimulatedDevice {
  readonly id: string;
  /** Name of a kind in `DEVICE_KINDS`. */
  readonly kind: string;
}

/** As `POST /v1/readings` takes it. */
export interface SimulatedReading {
  readonly device: string;
  /** Unix ms by the device's own clock. */
  readonly ts: number;
  /** Null: the channel has no value at this time. */
  readonly values: Readonly<Record<string, number | null>>;
}
