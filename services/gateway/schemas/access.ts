import { Type, type Static } from '@sinclair/typebox';
import { ROLES } from '../../../models/security/permissions.js';
import { Next, Time, word } from './common.js';

const strict = { additionalProperties: false } as const;
const KeyName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$' });
const Tenant = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,62}$' });
const Devices = Type.Array(Type.String({ minLength: 1, maxLength: 256 }), {
  minItems: 1,
  maxItems: 100,
  description:
    'Patterns of the devices that a key of the role `device` may write for: `*` is any text, `?` one character',
});

export const Key = Type.Object(
  {
    name: Type.String(),
    tenant: Type.String(),
    role: word(ROLES),
    devices: Type.Optional(Devices),
    prefix: Type.Optional(Type.String({ description: 'How the key begins' })),
    created: Time,
    createdBy: Type.Optional(Type.String()),
    expires: Type.Optional(Time),
    isExpired: Type.Boolean(),
    lastUsed: Type.Optional(Type.String({ format: 'date-time', description: 'To the minute' })),
  },
  { $id: 'Key' },
);
export type Key = Static<typeof Key>;

export const KeyList = Type.Object({ keys: Type.Array(Key) }, { $id: 'KeyList' });

export const CreateKey = Type.Object(
  {
    name: KeyName,
    role: word(ROLES),
    tenant: Type.Optional(
      Type.String({ ...Tenant, description: 'Default: your own. Another one only from `default`' }),
    ),
    devices: Type.Optional(Devices),
    expires: Type.Optional(Type.String({ maxLength: 64, description: 'RFC 3339; default never' })),
  },
  { ...strict, $id: 'CreateKey', examples: [{ name: 'line-3', role: 'device', devices: ['pump-*'] }] },
);

export const CreatedKey = Type.Object(
  { ...Key.properties, key: Type.String({ description: 'The key itself. It is stored nowhere: keep it' }) },
  { $id: 'CreatedKey' },
);
export type CreatedKey = Static<typeof CreatedKey>;

const AuditEntry = Type.Object(
  {
    at: Time,
    by: Type.String(),
    role: Type.String(),
    from: Type.String({ description: 'Address that asked' }),
    action: Type.String({ description: 'Method and route' }),
    target: Type.Record(Type.String(), Type.String(), { description: 'Ids in the path' }),
    details: Type.Optional(Type.String({ description: 'What was sent, cut at 2,000 characters' })),
    request: Type.String({ description: 'Joins the entries of one request' }),
    failed: Type.Optional(Type.Integer({ description: 'In a second entry: it was refused with this status' })),
  },
  { $id: 'AuditEntry' },
);

export const AuditPage = Type.Object({ entries: Type.Array(AuditEntry), next: Next }, { $id: 'AuditPage' });
export type AuditPage = Static<typeof AuditPage>;
