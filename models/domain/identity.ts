/** Names that come from outside: tenants, devices and channels. Everything else treats them as opaque. */

/** 1–128 characters. None of them can be `*`, `>`, a space or a control character, yet no id becomes a subject or a path. */
const DEVICE_ID = /^[A-Za-z0-9_\-.:@/]{1,128}$/;
/** 1–64 characters; wider than a device id, since meters name their channels "°C" or "power [kW]" in words. */
const CHANNEL_NAME = /^[A-Za-z0-9_\-.:@/ %[\]()°µ²³]{1,64}$/u;
/** The same two rules as messages say them. */
export const DEVICE_ID_WORDS = '1 to 128 letters, digits or _ - . : @ /';
export const CHANNEL_NAME_WORDS = '1 to 64 letters, digits or _ - . : @ / space % [ ] ( ) ° µ ² ³';
const TENANT_ID = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Keys that mean something to a JavaScript object. No channel may be called so. */
const RESERVED = new Set(['__proto__', 'constructor', 'prototype']);

export const DEFAULT_TENANT = 'default';

/** `tenant/device`. A tenant has no slash, so the first one divides. */
export type DeviceKey = string;

export function isDeviceId(text: string): boolean {
  return DEVICE_ID.test(text) && !RESERVED.has(text);
}

export function isChannelName(text: string): boolean {
  return CHANNEL_NAME.test(text) && !RESERVED.has(text);
}

export function isTenantId(text: string): boolean {
  return TENANT_ID.test(text);
}

export function deviceKey(tenant: string, device: string): DeviceKey {
  return `${tenant}/${device}`;
}

export function tenantOf(key: DeviceKey): string {
  return key.slice(0, key.indexOf('/'));
}

export function deviceOf(key: DeviceKey): string {
  return key.slice(key.indexOf('/') + 1);
}

/** Stands in place of a device key in commands for a whole partition. */
export const PARTITION_SCOPE_KEY: DeviceKey = '';
